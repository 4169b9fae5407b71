package sandbox

import (
	"context"
	"crypto/sha1"
	"encoding/base64"
	"encoding/binary"
	"slices"
	"strings"
)

// The forgeries. All but the last can be sent by anybody who knows the address of
// a callback; the last by whoever may send through the same account, since Twilio
// signs with the account's token whatever address the sender of a message gives.
// None needs the auth token, and none may be answered 2xx.
const (
	ForgedUnsigned  Fault = "forged_unsigned"  // without a signature
	ForgedGarbled   Fault = "forged_garbled"   // with a signature that is none of anything
	ForgedForeign   Fault = "forged_foreign"   // signed for another account, with its token
	ForgedAltered   Fault = "forged_altered"   // with the signature of the true callback, and other words
	ForgedReference Fault = "forged_reference" // well signed, to an address that nobody was given
)

// forgeries are the kinds that can be drawn. An inbound text has no address of
// its own, so the last kind is for status callbacks alone.
var forgeries = []Fault{ForgedUnsigned, ForgedGarbled, ForgedForeign, ForgedAltered, ForgedReference}

// forgeries returns the forged callbacks that come beside a true one, and whether
// they come behind it.
func (server *Server) forgeries(faults *Faults, playing *message, due delivery) (forged []delivery, behind bool) {
	kinds := forgeries
	if due.inbound {
		kinds = kinds[:len(kinds)-1]
	}
	stream := drawFor(server.options.Seed, playing.key+due.status+string(FaultCallbackForged))
	add := func(kind Fault) {
		forgery := due
		forgery.forgery, forgery.truth, forgery.told = kind, &due, nil
		forgery.lie()
		forged = append(forged, forgery)
	}
	if stream.share() < faults.chanceFor(FaultCallbackForged, playing) {
		add(kinds[stream.pick(len(kinds))])
	}
	behind = stream.share() < 0.5
	for _, kind := range kinds {
		if stream.share() < faults.chanceFor(kind, playing) {
			add(kind)
		}
	}
	return forged, behind
}

// lie gives a callback other words than the truth, which would do harm if they
// were believed: another end of the message, or another wish of the person.
func (due *delivery) lie() {
	switch {
	case due.inbound && IsOptOut(due.body):
		due.body, due.optOut, due.blocked = "START", false, false
	case due.inbound:
		due.body, due.optOut = "STOP", true
	case due.status == statusCompleted:
		due.status = statusBusy
	case due.status == statusInitiated, due.status == statusRinging, due.status == statusInProgress, due.status == statusBusy, due.status == statusNoAnswer:
		due.status = statusCompleted
	case due.status == statusDelivered:
		due.status, due.code = statusUndelivered, codeLandline
	default:
		due.status, due.code = statusDelivered, 0
	}
}

// forge sends a forged callback once, and logs how it was answered.
func (server *Server) forge(playing *message, due delivery) {
	address := playing.callback
	if due.inbound {
		address = *server.inboundURL.Load()
	}
	record := Record{
		Kind: KindForged, Sid: playing.sid, To: playing.to, From: playing.from, Status: due.status, Body: due.body, Fault: due.forgery,
	}
	err := server.log.flush()
	if err == nil {
		err = server.postForged(address, playing, due, &record)
	}
	if err != nil {
		record.Error = err.Error()
	}
	if server.log.append(&record) != nil {
		server.logger.Error().Str("sid", playing.sid).Msg("a forged callback could not be logged")
	}
}

func (server *Server) postForged(address string, playing *message, due delivery, record *Record) error {
	if address == "" {
		return errNoURL
	}
	callback, err := parseTarget(address)
	if err != nil {
		return err
	}
	fields := server.fields(playing, due)
	stream := drawFor(server.options.Seed, playing.key+due.status+string(due.forgery))
	signature := ""
	switch due.forgery {
	case ForgedGarbled:
		var garbled []byte // as long as a true one
		for len(garbled) < sha1.Size {
			garbled = binary.BigEndian.AppendUint32(garbled, uint32(stream.next()))
		}
		signature = base64.StdEncoding.EncodeToString(garbled)
	case ForgedForeign:
		account := "AC" + mint(server.options.Seed, stream.next())[2:]
		for at := range fields {
			if fields[at].key == "AccountSid" {
				fields[at].value = account
			}
		}
		signature = sign("the token of "+account, callback.url, fields)
	case ForgedAltered:
		signature = sign(server.options.AuthToken, callback.url, server.fields(playing, *due.truth))
	case ForgedReference:
		callback.url = otherAddress(callback.url, &stream)
		signature = sign(server.options.AuthToken, callback.url, fields)
	default: // unsigned
	}
	record.URL, record.Tries = callback.url, 1
	ctx, cancel := context.WithTimeout(server.closing, callback.totalTime)
	defer cancel()
	record.HTTP, _, err = server.try(ctx, &callback, encode(fields), signature)
	return err
}

// otherAddress returns the address with another sign in the last part of its
// path. What that part means only its owner knows: to Twilio it is a text.
func otherAddress(address string, stream *draws) string {
	path, query, asks := strings.Cut(address, "?")
	if asks {
		query = "?" + query
	}
	start := strings.LastIndexByte(path, '/') + 1
	last := []byte(path[start:])
	switch {
	case strings.HasSuffix(path[:start], "//"): // the host is all there is
		return path + "/0" + query
	case len(last) == 0 || slices.Contains(last, '%'):
		return path + "0" + query
	}
	at := stream.pick(len(last))
	if last[at] == '0' {
		last[at] = '1'
	} else {
		last[at] = '0'
	}
	return path[:start] + string(last) + query
}
