package sandbox

import (
	"strings"
	"time"
)

// Twilio's words for the status of a message.
const (
	statusAccepted    = "accepted"
	statusScheduled   = "scheduled"
	statusQueued      = "queued"
	statusSending     = "sending"
	statusSent        = "sent"
	statusDelivered   = "delivered"
	statusUndelivered = "undelivered"
	statusFailed      = "failed"
	statusCanceled    = "canceled"
	statusReceived    = "received"
)

// final says whether nothing follows a status.
func final(status string) bool {
	switch status {
	case statusDelivered, statusUndelivered, statusFailed, statusCanceled, statusReceived,
		statusCompleted, statusBusy, statusNoAnswer:
		return true
	}
	return false
}

// rank orders the statuses: a life never goes back.
func rank(status string) int {
	switch status {
	case statusAccepted, statusScheduled:
		return 0
	case statusQueued:
		return 1
	case statusSending, statusInitiated:
		return 2
	case statusSent, statusRinging:
		return 3
	case statusInProgress:
		return 4
	}
	return 5
}

// step is one change of status, some time after the life has begun.
type step struct {
	after  time.Duration
	status string
	code   int
}

// life is what happens to a message. It is drawn again from the seed and the
// number whenever it is needed, and always comes out the same.
type life struct {
	steps      []step
	reply      string        // inbound text, or nothing
	replyAfter time.Duration // after the delivery
}

// replies are the texts that people answer with. Most ask to be left alone.
var replies = []string{
	"STOP", "STOP", "STOP", "Stop!", "stop svp", "ARRET", "ne m'appelez plus", "Stop", "merci", "C'est qui ?",
}

// optOutWords are first words that ask to be left alone.
var optOutWords = map[string]bool{
	"stop": true, "stopall": true, "unsubscribe": true, "cancel": true, "end": true, "quit": true, "revoke": true,
	"optout": true, "arret": true, "arrêt": true, "arreter": true, "arrêter": true, "désabonner": true, "desabonner": true,
}

// carrierKeywords are texts that Twilio itself takes for an opt-out.
var carrierKeywords = map[string]bool{
	"STOP": true, "STOPALL": true, "UNSUBSCRIBE": true, "CANCEL": true, "END": true, "QUIT": true,
	"REVOKE": true, "OPTOUT": true, "ARRET": true,
}

// IsOptOut is the sandbox's own reading of an inbound text: whether it asks to be
// left alone. It knows the texts that the sandbox plays and their close kin; the
// dialer's classifier is meant to know more.
func IsOptOut(text string) bool {
	plain := strings.ToLower(strings.ReplaceAll(text, "’", "'"))
	for _, phrase := range []string{"ne m'appelez plus", "ne m'écrivez plus", "ne m'ecrivez plus", "ne plus recevoir"} {
		if strings.Contains(plain, phrase) {
			return true
		}
	}
	words := strings.FieldsFunc(plain, func(char rune) bool { return strings.ContainsRune(" \t\r\n.,;:!?\"'", char) })
	return len(words) > 0 && optOutWords[words[0]]
}

// isCarrierKeyword says whether Twilio itself would act on the text.
func isCarrierKeyword(text string) bool {
	return carrierKeywords[strings.ToUpper(strings.TrimSpace(text))]
}

// landline says whether a number is a French geographic one.
func landline(number string) bool {
	return len(number) > 4 && strings.HasPrefix(number, "+33") && number[3] >= '1' && number[3] <= '5'
}

// planLife draws the life of a message to a number.
func (options *Options) planLife(to, firstStatus string, validity int) life {
	if options.Instant {
		return options.planInstant(to)
	}
	stream := drawFor(options.Seed, to)
	sending := stream.between(50*time.Millisecond, 400*time.Millisecond)
	sent := sending + stream.between(200*time.Millisecond, 2*time.Second)
	arrival := stream.between(time.Second, 15*time.Second)
	if stream.share() < 0.05 {
		// A handset that is off for a while.
		arrival += stream.between(30*time.Second, 10*time.Minute)
	}
	outcome, code := options.drawOutcome(&stream, to)

	var plan life
	if firstStatus != statusQueued {
		plan.steps = append(plan.steps, step{after: sending / 2, status: statusQueued})
	}
	if limit := time.Duration(validity) * time.Second; sent > limit {
		plan.steps = append(plan.steps, step{after: limit, status: statusFailed, code: codeValidityExpired})
		return plan
	}
	plan.steps = append(plan.steps, step{after: sending, status: statusSending})
	if outcome == statusFailed {
		plan.steps = append(plan.steps, step{after: sent, status: outcome, code: code})
		return plan
	}
	plan.steps = append(plan.steps, step{after: sent, status: statusSent})
	if outcome != statusSent {
		plan.steps = append(plan.steps, step{after: sent + arrival, status: outcome, code: code})
	}
	if outcome == statusDelivered && stream.share() < options.StopFraction {
		plan.reply = replies[stream.pick(len(replies))]
		plan.replyAfter = stream.between(5*time.Second, 10*time.Minute)
	}
	return plan
}

// planInstant is the life of the load mode.
func (options *Options) planInstant(to string) life {
	plan := life{steps: []step{{status: statusDelivered}}}
	if options.StopFraction > 0 {
		stream := drawFor(options.Seed, to)
		if stream.share() < options.StopFraction {
			plan.reply = replies[stream.pick(len(replies))]
		}
	}
	return plan
}

// drawOutcome draws the last status of a message. Sent means that no final
// status ever comes.
func (options *Options) drawOutcome(stream *draws, to string) (status string, code int) {
	point, kind := stream.share(), stream.share()
	if landline(to) {
		return statusUndelivered, codeLandline
	}
	if point -= options.Undelivered; point < 0 {
		switch {
		case kind < 0.50:
			return statusUndelivered, codeUnreachable
		case kind < 0.78:
			return statusUndelivered, codeUnknownHandset
		case kind < 0.84:
			return statusUndelivered, codeLandline
		case kind < 0.88:
			return statusUndelivered, codeFiltered
		}
		return statusUndelivered, codeUnknownError
	}
	if point -= options.Failed; point < 0 {
		return statusFailed, codeUnknownError
	}
	if point -= options.Silent; point < 0 {
		return statusSent, 0
	}
	return statusDelivered, 0
}
