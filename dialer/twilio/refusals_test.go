package twilio

import (
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// Ensure that callbacks which nobody has signed are answered no faster than is allowed,
// that those beyond lose their connection, and that a signed one among them is answered
// at once.
func TestCallbacks_Flood(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		inbox := new(inboxStub)
		callbacks := mustCallbacks(t, inbox)
		var answered, cut atomic.Int64
		flood := func() {
			defer func() {
				if recover() == http.ErrAbortHandler { //nolint:errorlint // it is that very value
					cut.Add(1)
				}
			}()
			forged := signedRequest(inboundPath, inboundForm("STOP"))
			forged.Header.Set("X-Twilio-Signature", sign("another token", testPublic+inboundPath, inboundForm("STOP")))
			recorder := httptest.NewRecorder()
			callbacks.ServeHTTP(recorder, forged)
			if recorder.Code == http.StatusForbidden {
				answered.Add(1)
			}
		}
		began := time.Now()
		for range 4000 {
			go flood()
		}
		synctest.Wait()
		if n := answered.Load(); n != refusalsAtOnce {
			t.Errorf("%d were answered at once, want %d", n, refusalsAtOnce)
		}
		if answer := serve(callbacks, signedRequest(inboundPath, inboundForm("STOP"))); answer.Code != http.StatusOK || time.Since(began) > 0 {
			t.Errorf("a signed one was answered %d after %s", answer.Code, time.Since(began))
		}
		<-time.After(3 * time.Second) // in fake time
		synctest.Wait()
		most := int64(refusalsAtOnce + refusalsPerSecond*int(refusalWait/time.Second))
		if n := answered.Load(); n > most || n < most-1 || n+cut.Load() != 4000 {
			t.Errorf("%d were answered and %d cut, want %d answered", n, cut.Load(), most)
		}
		if len(inbox.texts) != 1 {
			t.Errorf("%d texts were believed", len(inbox.texts))
		}
	})
}
