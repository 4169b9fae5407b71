package sandbox

import (
	"context"
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base64"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// delivery is one callback to make: of a status, or of an inbound text.
type delivery struct {
	at     time.Time // sandbox time of what it tells
	status string
	code   int

	inbound bool
	optOut  bool
	blocked bool
	body    string

	told       chan struct{} // closed when it is over; may be nil
	verdict    string        // who has answered a call, where that is what it tells
	answeredBy string        // of a call whose status it tells, where that is known
	seconds    int           // that the call has lasted

	forgery Fault     // what is wrong with it, where Twilio would not have sent it
	truth   *delivery // what the forgery stands beside
}

// field is one pair of a form.
type field struct{ key, value string }

// newCallbackClient returns a client that keeps a connection for each worker.
// It follows no redirects and sends nothing twice by itself.
func newCallbackClient(workers int) *http.Client {
	dialer := net.Dialer{Timeout: maximumConnectTime, KeepAlive: 30 * time.Second}
	return &http.Client{
		Transport: &http.Transport{
			DialContext: dialer.DialContext, TLSHandshakeTimeout: maximumConnectTime,
			MaxIdleConnsPerHost: workers, IdleConnTimeout: 90 * time.Second, DisableCompression: true,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// deliver makes one callback, with its retries, and logs how it ended.
func (server *Server) deliver(playing *message, due delivery) {
	if due.told != nil {
		defer close(due.told)
	}
	// A carrier that is down calls nobody; what it has to say it says later.
	server.outage.over(server.closing)
	if due.forgery != FaultNone {
		server.forge(playing, due)
		return
	}
	record := Record{Kind: KindCallback, Sid: playing.sid, To: playing.to, Status: due.status}
	address := playing.callback
	if due.verdict != "" {
		address, record.Status = playing.call.Verdict, due.verdict
	}
	if due.inbound {
		record = Record{Kind: KindInboundAnswered, Sid: playing.sid, To: playing.to, From: playing.from, OptOut: due.optOut}
		address = *server.inboundURL.Load()
	}
	// Nobody hears of what the log could still lose.
	err := server.log.flush()
	if err == nil {
		_, err = server.post(address, server.fields(playing, due), &record)
	}
	if err != nil {
		record.Error = err.Error()
	}
	if server.log.append(&record) != nil {
		server.logger.Error().Str("sid", playing.sid).Msg("a callback could not be logged")
	}
}

// fields returns the form of a callback, sorted by key as the signature needs it.
func (server *Server) fields(playing *message, due delivery) []field {
	if playing.call != nil {
		return server.callFields(playing, due)
	}
	fields := make([]field, 0, 12)
	fields = append(fields, field{"AccountSid", server.options.AccountSID}, field{"ApiVersion", "2010-04-01"})
	if due.inbound {
		fields = append(fields, field{"Body", due.body}, field{"From", playing.from},
			field{"MessageSid", playing.sid}, field{"NumMedia", "0"}, field{"NumSegments", strconv.Itoa(playing.segments)})
		if due.blocked {
			fields = append(fields, field{"OptOutType", "STOP"})
		}
		return append(fields, field{"SmsMessageSid", playing.sid}, field{"SmsSid", playing.sid},
			field{"SmsStatus", statusReceived}, field{"To", playing.to})
	}
	if due.code != 0 {
		fields = append(fields, field{"ErrorCode", strconv.Itoa(due.code)})
	}
	fields = append(fields, field{"From", playing.from},
		field{"MessageSid", playing.sid}, field{"MessageStatus", due.status})
	if playing.service != "" {
		fields = append(fields, field{"MessagingServiceSid", playing.service})
	}
	if final(due.status) {
		fields = append(fields, field{"RawDlrDoneDate", due.at.UTC().Format("0601021504")})
	}
	return append(fields, field{"SmsSid", playing.sid}, field{"SmsStatus", due.status}, field{"To", playing.to})
}

// sortFields sorts a form by its keys, as the signature needs it.
func sortFields(fields []field) {
	slices.SortFunc(fields, func(a, b field) int { return strings.Compare(a.key, b.key) })
}

// sign returns Twilio's signature of a form whose fields are sorted by key:
// base64 of the HMAC-SHA1 over the URL and each key with its value.
func sign(token, address string, fields []field) string {
	code := hmac.New(sha1.New, []byte(token))
	var text strings.Builder
	text.WriteString(address)
	for _, pair := range fields {
		text.WriteString(pair.key)
		text.WriteString(pair.value)
	}
	_, _ = io.WriteString(code, text.String()) // a hash never fails
	return base64.StdEncoding.EncodeToString(code.Sum(nil))
}

// encode returns the form as it is sent.
func encode(fields []field) string {
	var form strings.Builder
	for at, pair := range fields {
		if at > 0 {
			form.WriteByte('&')
		}
		form.WriteString(url.QueryEscape(pair.key))
		form.WriteByte('=')
		form.WriteString(url.QueryEscape(pair.value))
	}
	return form.String()
}

// errNoURL says that there is nobody to call back.
var errNoURL = errors.New("no callback url is set")

// post sends a form, with the retries that the URL asks for, and returns the body of
// the answer. It writes the tries and the last HTTP status into the record. The error
// tells why the last try got no answer.
func (server *Server) post(address string, fields []field, record *Record) (body string, err error) {
	if address == "" {
		return "", errNoURL
	}
	callback, err := parseTarget(address)
	if err != nil {
		return "", err
	}
	form, signature := encode(fields), sign(server.options.AuthToken, callback.url, fields)
	ctx, cancel := context.WithTimeout(server.closing, callback.totalTime)
	defer cancel()
	for {
		record.Tries++
		record.HTTP, body, err = server.try(ctx, &callback, form, signature)
		if record.Tries > callback.retries || ctx.Err() != nil || !callback.retry(record.HTTP, err) {
			return body, err
		}
	}
}

// retry says whether the URL asks for another try after such an end.
func (callback *target) retry(status int, err error) bool {
	var operation *net.OpError
	switch {
	case err != nil && errors.As(err, &operation) && operation.Op == "dial":
		return callback.retryConnect
	case err != nil:
		return callback.retryRead
	case status >= 500:
		return callback.retry5xx
	case status >= 400:
		return callback.retry4xx
	}
	return false
}

// try sends a form once and returns the status of the answer, and its body.
func (server *Server) try(ctx context.Context, callback *target, form, signature string) (int, string, error) {
	ctx, cancel := context.WithTimeout(ctx, callback.connectTime+callback.readTime)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, callback.url, strings.NewReader(form))
	if err != nil {
		return 0, "", err
	}
	request.Header = http.Header{
		"Content-Type":       {"application/x-www-form-urlencoded; charset=utf-8"},
		"User-Agent":         {"TwilioProxy/1.1 (SANDBOX)"},
		"X-Hustings-Sandbox": {"SANDBOX"},
	}
	if signature != "" { // some forgeries have none
		request.Header["X-Twilio-Signature"] = []string{signature}
	}
	answer, err := server.client.Do(request)
	if err != nil {
		if wrapped, ok := errors.AsType[*url.Error](err); ok {
			err = wrapped.Err // without the URL, which the log has already
		}
		return 0, "", err
	}
	// Read to the end, so that the connection serves again.
	body, _ := io.ReadAll(io.LimitReader(answer.Body, 64<<10))
	_ = answer.Body.Close()
	return answer.StatusCode, string(body), nil
}
