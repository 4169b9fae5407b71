package sandbox

import (
	"errors"
	"net/http"
	"strings"
	"time"
)

// RingBack has a person call one of our senders, listen, and press these digits one
// after the other. An empty number is one that is withheld. It returns the sid of the
// call, which goes on by itself. It fails if a number is missing, or if nobody has
// said where calls are answered.
func (server *Server) RingBack(person, sender, digits string) (string, error) {
	address := *server.voiceURL.Load()
	switch {
	case person != "" && !numberPattern.MatchString(person), !numberPattern.MatchString(sender):
		return "", errors.New("a call back needs the number of a person, unless it is withheld, and one of our numbers")
	case strings.Trim(digits, "0123456789*#") != "":
		return "", errors.New("digits are 0 to 9, * and #")
	case address == "":
		return "", errors.New("nobody has said where calls are answered")
	}
	if person == "" {
		person = withheldNumber
	}
	record := Record{
		Kind: KindRungBack, To: sender, From: person, Status: statusInProgress,
		Call: &CallOrder{URL: address, Ring: usualRing, Talk: usualTalk, Inbound: true},
	}
	call, err := server.arrive(&record)
	if err != nil {
		return "", err
	}
	var does conduct
	for at, digit := range strings.Split(digits, "") { // none of an empty text
		does.presses = append(does.presses, press{time.Duration(at+1) * afterGreeting, digit})
	}
	server.converse(call, does)
	return record.Sid, nil
}

// afterGreeting is how long somebody listens before each digit.
const afterGreeting = 4 * time.Second

// withheldNumber is what Twilio puts in the place of one.
const withheldNumber = "+266696687"

// SetVoiceURL says where people who call us are answered from now on; an empty address
// stops that.
func (server *Server) SetVoiceURL(address string) error {
	if address != "" {
		if _, err := parseTarget(address); err != nil {
			return err
		}
	}
	server.voiceURL.Store(&address)
	return server.log.append(&Record{Kind: KindVoiceURL, URL: address})
}

func (server *Server) playRingBack(writer http.ResponseWriter, request *http.Request) {
	var asked struct {
		From   string `json:"from"`
		To     string `json:"to"`
		Digits string `json:"digits"`
	}
	if !readControl(writer, request, &asked) {
		return
	}
	sid, err := server.RingBack(plainNumber(asked.From), asked.To, asked.Digits)
	if err != nil {
		refuseControl(writer, err)
		return
	}
	writeControl(writer, http.StatusAccepted, map[string]string{"sid": sid})
}
