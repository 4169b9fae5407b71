package queue

import (
	"fmt"

	"github.com/rs/zerolog"
)

// The events that this package logs, one name each, so that logs can be
// searched and alerts written.
const (
	eventServerStarted  = "queue.server_started"
	eventServerSays     = "queue.server_says"
	eventConnected      = "queue.connected"
	eventDisconnected   = "queue.disconnected"
	eventClosed         = "queue.closed"
	eventAsyncError     = "queue.async_error"
	eventStreamMade     = "queue.stream_made"
	eventStreamChanged  = "queue.stream_changed"
	eventQueueLost      = "queue.lost"
	eventQueueMended    = "queue.mended"
	eventConsumeBroken  = "queue.consume_broken"
	eventJobAnswered    = "queue.job_answered"
	eventJobLater       = "queue.job_later"
	eventJobPanic       = "queue.job_panic"
	eventJobUnconfirmed = "queue.job_unconfirmed"
	eventOptOutTaken    = "queue.optout_taken"
	eventOptOutRejected = "queue.optout_rejected"
	eventOptOutLater    = "queue.optout_later"
	eventRequestFailed  = "queue.request_failed"
	eventRequestPanic   = "queue.request_panic"
	eventAnswerLost     = "queue.answer_lost"
	eventPublishFailed  = "queue.publish_failed"
	eventPublishDropped = "queue.publish_dropped"
	eventServiceStarted = "queue.service_started"
	eventServiceOverrun = "queue.service_overrun"
)

// The fields of log lines, named as in package dialer. None holds a payload.
const (
	fieldEvent          = "event"
	fieldStreamSequence = "stream_sequence"
	fieldDeliveries     = "deliveries"
	fieldParty          = "party"
	fieldCampaign       = "campaign"
	fieldVerb           = "verb"
	fieldCode           = "code"
	fieldStack          = "stack"
	fieldStream         = "stream"
	fieldHave           = "have"
	fieldWant           = "want"
	fieldAnswer         = "answer"
	fieldFaults         = "faults"
	fieldBytes          = "bytes"
	fieldReason         = "reason"
	fieldURL            = "url"
	fieldRetryAfter     = "retry_after"
	fieldRequests       = "requests"
	fieldText           = "text"
)

// serverLog hands the server's own log on. What it says is for whoever debugs
// the server, so most of it is debug here; it holds subjects and addresses,
// never payloads, since tracing stays off.
type serverLog struct {
	log   zerolog.Logger
	fatal chan string
}

func (l *serverLog) Noticef(format string, v ...any) { l.say(zerolog.DebugLevel, format, v) }
func (l *serverLog) Warnf(format string, v ...any)   { l.say(zerolog.DebugLevel, format, v) }
func (l *serverLog) Errorf(format string, v ...any)  { l.say(zerolog.WarnLevel, format, v) }
func (l *serverLog) Debugf(format string, v ...any)  { l.say(zerolog.DebugLevel, format, v) }
func (l *serverLog) Tracef(format string, v ...any)  { l.say(zerolog.TraceLevel, format, v) }

// Fatalf keeps the first reason for StartServer. A library must not end the
// process: the server's own logger would.
func (l *serverLog) Fatalf(format string, v ...any) {
	select {
	case l.fatal <- fmt.Sprintf(format, v...):
	default:
	}
	l.say(zerolog.ErrorLevel, format, v)
}

func (l *serverLog) say(level zerolog.Level, format string, v []any) {
	if event := l.log.WithLevel(level); event.Enabled() {
		event.Str(fieldEvent, eventServerSays).Str(fieldText, fmt.Sprintf(format, v...)).Send()
	}
}
