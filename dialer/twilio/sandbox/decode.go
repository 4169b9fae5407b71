package sandbox

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// decode reads one line of the log. A line as appendTo writes it is read in one
// pass, which takes a fifth of the time of encoding/json and matters where
// millions are judged; whatever looks otherwise is left to encoding/json.
func (record *Record) decode(line []byte) error {
	if plain := (reader{rest: line}); plain.record(record) {
		return nil
	}
	*record = Record{}
	return json.Unmarshal(line, record)
}

// reader reads JSON that has no surprises: no white space, no escapes, no key
// that a record does not have. It gives up at the first.
type reader struct{ rest []byte }

// record reads a whole line, and says whether it understood all of it.
func (plain *reader) record(record *Record) bool {
	if !plain.skip('{') {
		return false
	}
	for {
		key, ok := plain.raw()
		if !ok || !plain.skip(':') || !plain.value(key, record) {
			return false
		}
		if plain.skip(',') {
			continue
		}
		return plain.skip('}') && (len(plain.rest) == 0 || string(plain.rest) == "\n")
	}
}

// value reads the value of a key into its field.
func (plain *reader) value(key []byte, record *Record) bool {
	switch string(key) {
	case "seq":
		return plain.count(&record.Seq)
	case "at":
		return plain.instant(&record.At)
	case "real":
		return plain.number(&record.Real)
	case "kind":
		return word(plain, &record.Kind)
	case "request":
		return plain.count(&record.Request)
	case "sid":
		return plain.text(&record.Sid)
	case "to":
		return plain.text(&record.To)
	case "from":
		return plain.text(&record.From)
	case "service":
		return plain.text(&record.Service)
	case "body":
		return plain.text(&record.Body)
	case "status_callback":
		return plain.text(&record.StatusCallback)
	case "status":
		return word(plain, &record.Status)
	case "code":
		return plain.integer(&record.Code)
	case "http":
		return plain.integer(&record.HTTP)
	case "segments":
		return plain.integer(&record.Segments)
	case "validity":
		return plain.integer(&record.Validity)
	case "send_at":
		return plain.instant(&record.SendAt)
	case "reply_to":
		return plain.text(&record.ReplyTo)
	case "opt_out":
		return plain.truth(&record.OptOut)
	case "blocked":
		return plain.truth(&record.Blocked)
	case "tries":
		return plain.integer(&record.Tries)
	case "fault":
		return word(plain, &record.Fault)
	case "url":
		return plain.text(&record.URL)
	case "error":
		return plain.text(&record.Error)
	case "digits":
		return plain.text(&record.Digits)
	}
	return false
}

func (plain *reader) skip(sign byte) bool {
	if len(plain.rest) == 0 || plain.rest[0] != sign {
		return false
	}
	plain.rest = plain.rest[1:]
	return true
}

// raw reads a text that stands for itself.
func (plain *reader) raw() ([]byte, bool) {
	if !plain.skip('"') {
		return nil, false
	}
	end := bytes.IndexByte(plain.rest, '"')
	if end < 0 {
		return nil, false
	}
	text := plain.rest[:end]
	ascii := true
	for _, char := range text {
		if char < ' ' || char == '\\' {
			return nil, false
		}
		ascii = ascii && char < utf8.RuneSelf
	}
	if !ascii && !utf8.Valid(text) {
		return nil, false
	}
	plain.rest = plain.rest[end+1:]
	return text, true
}

func (plain *reader) text(into *string) bool {
	text, ok := plain.raw()
	*into = string(text)
	return ok
}

// words are the texts that many records share, each kept once.
var words = func() map[string]string {
	known := map[string]string{}
	for _, word := range []string{
		string(KindClock), string(KindRequestBegun), string(KindFault), string(KindRefused), string(KindRequestEnded),
		string(KindCreated), string(KindStatus), string(KindCallback), string(KindInbound), string(KindInboundAnswered),
		string(KindShown),
		statusAccepted, statusQueued, statusSending, statusSent, statusDelivered, statusUndelivered, statusFailed,
	} {
		known[word] = word
	}
	return known
}()

// word reads a text that is likely one of few.
func word[Word ~string](plain *reader, into *Word) bool {
	text, ok := plain.raw()
	known, common := words[string(text)]
	if !common {
		known = string(text)
	}
	*into = Word(known)
	return ok
}

func (plain *reader) instant(into *time.Time) bool {
	text, ok := plain.raw()
	return ok && into.UnmarshalText(text) == nil
}

// digits reads a whole number as it stands.
func (plain *reader) digits() string {
	end := 0
	for end < len(plain.rest) && (plain.rest[end] >= '0' && plain.rest[end] <= '9' || end == 0 && plain.rest[end] == '-') {
		end++
	}
	text := string(plain.rest[:end])
	if first := strings.TrimPrefix(text, "-"); len(first) > 1 && first[0] == '0' {
		return "" // not JSON
	}
	plain.rest = plain.rest[end:]
	return text
}

func (plain *reader) number(into *int64) bool {
	value, err := strconv.ParseInt(plain.digits(), 10, 64)
	*into = value
	return err == nil
}

func (plain *reader) count(into *uint64) bool {
	value, err := strconv.ParseUint(plain.digits(), 10, 64)
	*into = value
	return err == nil
}

func (plain *reader) integer(into *int) bool {
	value, err := strconv.Atoi(plain.digits())
	*into = value
	return err == nil
}

func (plain *reader) truth(into *bool) bool {
	rest, found := bytes.CutPrefix(plain.rest, []byte("true"))
	plain.rest, *into = rest, found
	return found
}
