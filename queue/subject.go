package queue

import (
	"fmt"
	"strconv"
	"strings"
)

// The subjects' common beginnings. The version changes when a reader of the
// old form could misunderstand the new one.
const (
	subjectSubmit   = "dialer.v1.submit."
	subjectRejected = "dialer.v1.rejected."
	subjectAnswer   = "dialer.v1.answer."
	subjectEvent    = "dialer.v1.event."
	subjectReport   = "dialer.v1.report."
	subjectControl  = "dialer.v1.ctl."
	// SubjectOptOut takes sealed objections from other systems. JetStream's own
	// acknowledgement says that one is kept; it leaves the stream once it is
	// effective. See HeaderAnswer for who wants to be told.
	SubjectOptOut = "dialer.v1.optout"
)

// maxToken bounds a token's length: subjects are also file names in places.
const maxToken = 64

// ValidToken tells whether the text may stand in a subject: 1 to 64 lower-case
// letters, digits and dashes, the first of them no dash. Anything else could
// be read as a wildcard or as two tokens.
func ValidToken(text string) bool {
	if text == "" || len(text) > maxToken || text[0] == '-' {
		return false
	}
	for i := range len(text) {
		c := text[i]
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' {
			return false
		}
	}
	return true
}

// SubmitSubject returns the subject on which a party's job for a campaign is
// submitted.
func SubmitSubject(party, campaign string) (string, error) {
	return joinTokens(subjectSubmit, [2]string{"party", party}, [2]string{"campaign", campaign})
}

// RejectedSubject returns the subject that tells why a submission was rejected.
func RejectedSubject(submission string) (string, error) {
	return joinTokens(subjectRejected, [2]string{"submission", submission})
}

// EventSubject returns the subject of a campaign's events.
func EventSubject(campaign string) (string, error) {
	return joinTokens(subjectEvent, [2]string{"campaign", campaign})
}

// ReportSubject returns the subject of a campaign's released report.
func ReportSubject(party, campaign string) (string, error) {
	return joinTokens(subjectReport, [2]string{"party", party}, [2]string{"campaign", campaign})
}

// ControlSubject returns the subject on which the daemon takes the verb.
func ControlSubject(verb Verb) string { return subjectControl + string(verb) }

// parseSubmitSubject returns the party and the campaign that a job was
// submitted for. It refuses tokens that no job can have.
func parseSubmitSubject(subject string) (party, campaign string, err error) {
	rest, ok := strings.CutPrefix(subject, subjectSubmit)
	if !ok {
		return "", "", fmt.Errorf("the subject does not begin with %s", subjectSubmit)
	}
	party, campaign, ok = strings.Cut(rest, ".")
	if !ok {
		return "", "", fmt.Errorf("the subject wants a party and a campaign after %s", subjectSubmit)
	}
	if _, err := SubmitSubject(party, campaign); err != nil {
		return "", "", err
	}
	return party, campaign, nil
}

// submissionID names a submission after its place in the stream, which the
// submitter learns from the acknowledgement whatever program it used.
func submissionID(sequence uint64) string { return "sequence-" + strconv.FormatUint(sequence, 10) }

// answerSubject is where the nudge goes. Its tokens were checked before.
func answerSubject(party, campaign string) string { return subjectAnswer + party + "." + campaign }

func joinTokens(prefix string, tokens ...[2]string) (string, error) {
	texts := make([]string, len(tokens))
	for i, token := range tokens {
		if !ValidToken(token[1]) {
			return "", fmt.Errorf("%s %q: want 1 to %d lower-case letters, digits and dashes, no dash first",
				token[0], shorten(token[1], maxToken), maxToken)
		}
		texts[i] = token[1]
	}
	return prefix + strings.Join(texts, "."), nil
}

func shorten(text string, most int) string {
	if len(text) <= most {
		return text
	}
	return text[:most] + " ..."
}
