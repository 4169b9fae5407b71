package main

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"sync/atomic"
)

// The commands of SMPP 3.4 that a transceiver needs; an answer has the first bit
// set, too.
const (
	smppUnbind      = 0x06
	smppTransceiver = 0x09
	smppSubmit      = 0x04
	smppDeliver     = 0x05
	smppEnquire     = 0x15
	smppAnswer      = 0x80000000
	smppNack        = 0x80000000

	smppHeader = 16
	smppMost   = 64 << 10
	// smppUnknown is the status of a command that is not known.
	smppUnknown = 3
)

// pdu is one unit of SMPP.
type pdu struct {
	command, status, sequence uint32
	body                      []byte
}

var errPDU = errors.New("not a unit of SMPP")

func readPDU(reader *bufio.Reader) (pdu, error) {
	var header [smppHeader]byte
	if _, err := io.ReadFull(reader, header[:]); err != nil {
		return pdu{}, err
	}
	size := binary.BigEndian.Uint32(header[:])
	if size < smppHeader || size > smppMost {
		return pdu{}, fmt.Errorf("%w: %d bytes", errPDU, size)
	}
	p := pdu{
		command: binary.BigEndian.Uint32(header[4:]), status: binary.BigEndian.Uint32(header[8:]),
		sequence: binary.BigEndian.Uint32(header[12:]), body: make([]byte, size-smppHeader),
	}
	_, err := io.ReadFull(reader, p.body)
	return p, err
}

func (p pdu) appendTo(to []byte) []byte {
	to = binary.BigEndian.AppendUint32(to, uint32(smppHeader+len(p.body)))
	to = binary.BigEndian.AppendUint32(to, p.command)
	to = binary.BigEndian.AppendUint32(to, p.status)
	return append(binary.BigEndian.AppendUint32(to, p.sequence), p.body...)
}

// submission is what is read of a submit_sm.
type submission struct{ from, to []byte }

// readSubmission reads the addresses: each stands behind two bytes that say of
// what kind it is, and ends in a zero.
func readSubmission(body []byte) (submission, error) {
	var s submission
	_, rest, service := bytes.Cut(body, []byte{0})
	if !service || len(rest) < 2 {
		return s, errPDU
	}
	var found bool
	if s.from, rest, found = bytes.Cut(rest[2:], []byte{0}); !found || len(rest) < 2 {
		return s, errPDU
	}
	if s.to, _, found = bytes.Cut(rest[2:], []byte{0}); !found {
		return s, errPDU
	}
	return s, nil
}

// deliveryReport returns the body of the deliver_sm that reports a message.
func (s submission) deliveryReport(id string) []byte {
	text := "id:" + id + " sub:001 dlvrd:001 submit date:2703091000 done date:2703091000 stat:DELIVRD err:000 text:"
	body := append([]byte{0, 1, 1}, s.to...)
	body = append(append(body, 0, 1, 1), s.from...)
	const receipt = 0x04 // esm_class: the text is a delivery receipt
	body = append(body, 0, receipt, 0, 0, 0, 0, 0, 0, 0, 0, byte(len(text)))
	return append(body, text...)
}

// smsc is a carrier that speaks SMPP: it takes each message at once and reports
// at once that it was delivered.
type smsc struct {
	listener  net.Listener
	submitted atomic.Int64
}

func newSMSC() (*smsc, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // it does not wait
	if err != nil {
		return nil, fmt.Errorf("open the SMPP stub: %w", err)
	}
	s := &smsc{listener: listener}
	go func() {
		for {
			connection, err := listener.Accept()
			if err != nil {
				return
			}
			go s.serve(connection)
		}
	}()
	return s, nil
}

func (s *smsc) port() int { return s.listener.Addr().(*net.TCPAddr).Port }

func (s *smsc) close() { _ = s.listener.Close() }

// serve answers one connection. What it has to say goes out when there is
// nothing more to read, so that one write serves many.
func (s *smsc) serve(connection net.Conn) {
	defer func() { _ = connection.Close() }()
	reader, room := bufio.NewReaderSize(quickConn{connection}, 64<<10), []byte(nil)
	var sequence uint32
	for {
		p, err := readPDU(reader)
		if err != nil {
			return
		}
		answers, over := s.answer(p, &sequence)
		for _, answer := range answers {
			room = answer.appendTo(room)
		}
		if reader.Buffered() >= smppHeader && len(room) < 32<<10 && !over {
			continue
		}
		if _, err := connection.Write(room); err != nil || over {
			return
		}
		room = room[:0]
	}
}

// answer returns what is said to a unit, and whether that was the last of it.
func (s *smsc) answer(p pdu, sequence *uint32) (answers []pdu, over bool) {
	switch p.command {
	case smppTransceiver:
		return []pdu{{command: p.command | smppAnswer, sequence: p.sequence, body: []byte("stub\x00")}}, false
	case smppEnquire, smppUnbind:
		return []pdu{{command: p.command | smppAnswer, sequence: p.sequence}}, p.command == smppUnbind
	case smppSubmit:
		message, err := readSubmission(p.body)
		if err != nil {
			return []pdu{{command: smppSubmit | smppAnswer, status: smppUnknown, sequence: p.sequence}}, false
		}
		id := strconv.FormatInt(s.submitted.Add(1), 10)
		*sequence++
		return []pdu{
			{command: smppSubmit | smppAnswer, sequence: p.sequence, body: append([]byte(id), 0)},
			{command: smppDeliver, sequence: *sequence, body: message.deliveryReport(id)},
		}, false
	case smppDeliver | smppAnswer, smppEnquire | smppAnswer:
		return nil, false
	default:
		return []pdu{{command: smppNack, status: smppUnknown, sequence: p.sequence}}, false
	}
}
