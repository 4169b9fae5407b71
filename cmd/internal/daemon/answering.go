package daemon

import (
	"net/http"

	"github.com/hustings/hustings/dialer"
)

// answering is a listener's handler, with its panics told by the log and without
// their value: a callback holds numbers. Nothing is answered then, as with net/http
// alone, so that the carrier repeats its news.
func (d *Daemon) answering(listener string, handler http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			cause := recover()
			if cause == nil {
				return
			}
			if cause != http.ErrAbortHandler { //nolint:errorlint // it is that very value
				d.log.Error().Str(dialer.FieldEvent, eventHandlerPanic).Str("listener", listener).
					Str(dialer.FieldReason, dialer.DescribePanic(cause)).Str(dialer.FieldStack, dialer.Stack()).Send()
			}
			panic(http.ErrAbortHandler)
		}()
		handler.ServeHTTP(w, r)
	})
}
