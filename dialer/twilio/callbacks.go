package twilio

import (
	"bytes"
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"
	"golang.org/x/time/rate"

	"github.com/hustings/hustings/dialer"
)

// callbackLimit is the most that is read of a callback, in bytes. Twilio sends
// about 600, and an inbound text has at most 1,600 characters.
const callbackLimit = 64 << 10

// inboundTimeout bounds the handling of an inbound text. Twilio waits 15 s.
const inboundTimeout = 15 * time.Second

// Inbox takes what Twilio tells us. It returns nil only when the news is
// durable: Twilio is told so and will not repeat it.
type Inbox interface {
	// Status takes how far an attempt's message is. The attempt may be unknown
	// still, since a callback can overtake the answer to the request.
	Status(ctx context.Context, update dialer.StatusUpdate) error
	// Inbound takes a text from a contact and returns what to answer them, ""
	// for nothing.
	Inbound(ctx context.Context, text dialer.InboundText) (reply string, err error)
}

// CallbackOptions say whose callbacks are believed. AuthToken, ReferenceKey
// and PublicURL are required, and are those of the Client.
type CallbackOptions struct {
	AuthToken    Secret
	ReferenceKey Secret
	PublicURL    string
	// Calls takes what happens in calls; without it there are none.
	Calls CallInbox
	// Clock says when an inbound text came; nil means the wall clock.
	Clock dialer.Clock
	// Logger takes what an operator should know. The zero value discards.
	Logger zerolog.Logger
}

// CallbackCounts are how many callbacks there were since the start.
type CallbackCounts struct {
	// Statuses and Inbound were taken by the Inbox.
	Statuses, Inbound uint64
	// Digits, Verdicts and RungBack were taken by the CallInbox.
	Digits, Verdicts, RungBack uint64
	// BadSignature and BadReference were refused: somebody else sent them, or
	// the public URL or a key is configured wrongly.
	BadSignature, BadReference uint64
	// Unusable were signed but said nothing that we know, and were dropped.
	Unusable uint64
	// Deferred failed in the Inbox; Twilio was asked to repeat them.
	Deferred uint64
}

// Callbacks receives Twilio's requests to us: POST /twilio/status/{reference} and
// POST /twilio/inbound, and for calls /twilio/digit/{reference},
// /twilio/machine/{reference}, /twilio/voice and /twilio/rungback, below the public
// URL's own path or, where a proxy has removed that, without it. It believes nothing
// before the signature.
type Callbacks struct {
	inbox      Inbox
	calls      CallInbox
	public     publicAddress
	references references
	validator  *validator
	clock      dialer.Clock
	refusals   *refusals
	logger     zerolog.Logger
	// Whoever sends rubbish must not fill the log with it.
	refusedLog, unusableLog, deferredLog rate.Sometimes

	statuses, inbound, digits, verdicts, rungBack  atomic.Uint64
	badSignature, badReference, unusable, deferred atomic.Uint64
}

// NewCallbacks makes the handler. It refuses an empty token, with which
// everybody could sign.
func NewCallbacks(options CallbackOptions, inbox Inbox) (*Callbacks, error) {
	if err := validateSecrets(options.AuthToken, options.ReferenceKey); err != nil {
		return nil, fmt.Errorf("twilio callbacks: %w", err)
	}
	public, err := parsePublicAddress(options.PublicURL)
	if err != nil {
		return nil, fmt.Errorf("twilio callbacks: public url: %w", err)
	}
	if inbox == nil {
		return nil, errors.New("twilio callbacks: there is no inbox")
	}
	if options.Clock == nil {
		options.Clock = dialer.WallClock{}
	}
	sometimes := func() rate.Sometimes { return rate.Sometimes{First: 1, Interval: 10 * time.Second} }
	return &Callbacks{
		inbox: inbox, calls: options.Calls, public: public, references: newReferences(options.ReferenceKey),
		validator: newValidator(options.AuthToken, public), clock: options.Clock, refusals: newRefusals(), logger: options.Logger,
		refusedLog: sometimes(), unusableLog: sometimes(), deferredLog: sometimes(),
	}, nil
}

// Counts returns how many callbacks there were.
func (c *Callbacks) Counts() CallbackCounts {
	return CallbackCounts{
		Statuses: c.statuses.Load(), Inbound: c.inbound.Load(),
		Digits: c.digits.Load(), Verdicts: c.verdicts.Load(), RungBack: c.rungBack.Load(), BadSignature: c.badSignature.Load(),
		BadReference: c.badReference.Load(), Unusable: c.unusable.Load(), Deferred: c.deferred.Load(),
	}
}

// ServeHTTP answers 204 or TwiML once the Inbox has the news, 503 where it has
// not, so that Twilio repeats it, and 403 to what Twilio did not sign.
func (c *Callbacks) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	heard := time.Now()
	path := strings.TrimPrefix(r.URL.EscapedPath(), c.public.path)
	at, known := splitPath(path)
	if !known || c.calls == nil && at.kind != statusPath && at.kind != inboundPath {
		http.NotFound(w, r)
		return
	}
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		w.WriteHeader(http.StatusMethodNotAllowed)
		return
	}
	var room [32]field
	form, status := c.read(w, r, path, room[:0])
	switch {
	case status == http.StatusForbidden:
		c.refuse(r.Context(), w, &c.badSignature, "signature")
	case status != http.StatusOK:
		w.WriteHeader(status)
	default:
		c.take(r.Context(), w, at, form, heard)
	}
}

// take hands a callback that Twilio has signed to whom it concerns.
func (c *Callbacks) take(ctx context.Context, w http.ResponseWriter, at callbackPath, form fields, heard time.Time) {
	switch at.kind {
	case statusPath:
		c.takeStatus(ctx, w, at.reference, form)
	case inboundPath:
		c.takeInbound(ctx, w, form, heard)
	case machinePath:
		c.takeVerdict(ctx, w, at.reference, form)
	case voicePath:
		c.takeCall(ctx, w, form)
	default:
		c.takeDigit(ctx, w, at, form, heard)
	}
}

// read returns the callback's parameters and 200 where Twilio has signed them,
// and else what to answer.
func (c *Callbacks) read(w http.ResponseWriter, r *http.Request, path string, room fields) (fields, int) {
	isJSON, known := bodyKind(r.Header.Get("Content-Type"))
	if !known {
		return nil, http.StatusUnsupportedMediaType
	}
	signature, signed := decodeSignature(r.Header.Get("X-Twilio-Signature"))
	switch {
	case !signed:
		return nil, http.StatusForbidden
	case r.ContentLength > callbackLimit:
		return nil, http.StatusRequestEntityTooLarge
	}
	body := buffers.Get().(*bytes.Buffer)
	body.Reset()
	defer buffers.Put(body)
	if _, err := body.ReadFrom(http.MaxBytesReader(w, r.Body, callbackLimit)); err != nil {
		if _, tooLarge := errors.AsType[*http.MaxBytesError](err); tooLarge {
			return nil, http.StatusRequestEntityTooLarge
		}
		return nil, http.StatusBadRequest
	}
	target := path
	if r.URL.RawQuery != "" {
		target += "?" + r.URL.RawQuery
	}
	bodyHash := queryValue(r.URL.RawQuery, "bodySHA256")
	if bodyHash != "" && !c.validator.body(signature, target, bodyHash, body.Bytes()) || bodyHash == "" && isJSON {
		return nil, http.StatusForbidden
	}
	var form fields
	var err error
	if isJSON {
		form, err = parseObject(room, body.Bytes())
	} else {
		form, err = parseForm(room, body.String())
	}
	if err != nil || bodyHash == "" && !c.validator.form(signature, target, form) {
		return nil, http.StatusForbidden
	}
	return form, http.StatusOK
}

// bodyKind tells whether a body is JSON or a form, and whether it is either.
func bodyKind(contentType string) (isJSON, known bool) {
	const form = "application/x-www-form-urlencoded"
	switch contentType {
	case form, form + "; charset=utf-8", form + "; charset=UTF-8":
		return false, true
	}
	kind, _, err := mime.ParseMediaType(contentType)
	isJSON = kind == "application/json"
	return isJSON, err == nil && (isJSON || kind == form)
}

func queryValue(query, key string) string {
	if query == "" {
		return ""
	}
	values, err := url.ParseQuery(query)
	if err != nil {
		return ""
	}
	return values.Get(key)
}

func (c *Callbacks) takeStatus(ctx context.Context, w http.ResponseWriter, reference string, form fields) {
	attempt, ours := c.attempt(ctx, w, reference)
	if !ours {
		return
	}
	update, word, known := readStatus(form)
	update.Attempt = attempt
	if !known {
		c.drop("status", word, attempt)
		w.WriteHeader(http.StatusNoContent)
		return
	}
	if err := c.inbox.Status(ctx, update); err != nil {
		c.deferNews(w, "status", err)
		return
	}
	c.statuses.Add(1)
	w.WriteHeader(http.StatusNoContent)
}

// attempt returns the attempt that a reference stands for; whoever brings one that is
// none of ours is refused.
func (c *Callbacks) attempt(ctx context.Context, w http.ResponseWriter, reference string) (attempt uint64, ours bool) {
	if attempt, ours = c.references.attempt(reference); !ours {
		c.refuse(ctx, w, &c.badReference, "reference")
	}
	return attempt, ours
}

// readStatus reads what a callback says of a message or a call, and tells whether
// that is anything we know.
func readStatus(form fields) (update dialer.StatusUpdate, word string, known bool) {
	if sid := form.get("CallSid"); sid != "" {
		word = form.get("CallStatus")
		update.SID = sid
		update.Status, known = parseCallStatus(word, form.get("AnsweredBy"))
		known = known && validCallSID(sid)
	} else {
		word = form.get("MessageStatus")
		update.SID = form.get("MessageSid")
		update.Status, known = parseStatus(word)
		known = known && validMessageSID(update.SID)
	}
	update.Code = parseCode(form.get("ErrorCode"))
	update.Effect = EffectOf(update.Code)
	return update, word, known
}

func (c *Callbacks) takeInbound(ctx context.Context, w http.ResponseWriter, form fields, heard time.Time) {
	from, isNumber := parseNumber(form.get("From"))
	text := dialer.InboundText{
		SID: form.get("MessageSid"), From: from, To: form.get("To"), Body: form.get("Body"),
		ReceivedAt: c.clock.Now(), HeardAt: heard, CarrierStopped: form.get("OptOutType") == "STOP",
		NoReply: form.get("OptOutType") != "", // Twilio has answered a STOP, START or HELP itself
	}
	// Texts from names and short codes come from no contact.
	if !isNumber || !validMessageSID(text.SID) {
		c.drop("inbound", "", 0)
		writeReply(w, "")
		return
	}
	// A STOP whose messenger has hung up is still a STOP.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), inboundTimeout)
	defer cancel()
	reply, err := c.inbox.Inbound(ctx, text)
	if err != nil {
		c.deferNews(w, "inbound", err)
		return
	}
	c.inbound.Add(1)
	writeReply(w, reply)
}

// writeReply answers an inbound text with TwiML. A reply that cannot be
// written is lost; what was heard is not.
func writeReply(w http.ResponseWriter, reply string) {
	w.Header().Set("Content-Type", "text/xml; charset=utf-8")
	if reply == "" {
		_, _ = io.WriteString(w, xml.Header+"<Response/>")
		return
	}
	var document bytes.Buffer
	document.WriteString(xml.Header + "<Response><Message>")
	_ = xml.EscapeText(&document, []byte(reply)) // A buffer takes everything.
	document.WriteString("</Message></Response>")
	_, _ = w.Write(document.Bytes())
}
