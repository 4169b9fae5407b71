package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"net"
	"net/textproto"
	"net/url"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hustings/hustings/dialer/twilio/sandbox"
)

const (
	stubAccount = "AC0000000000000000000000000000beef"
	stubToken   = "stubtoken"
	// stubSpeed keeps the senders' rates, which count in the carrier's time, out
	// of the way.
	stubSpeed     = 3
	stubCallbacks = 64
)

// stub is a carrier that speaks as much of Twilio's Messages API as a load run
// needs, as cheaply as it can: it reads and writes HTTP itself, answers at once,
// and says at once, signed, that the message was delivered.
type stub struct {
	listener net.Listener
	clock    sandbox.ClockState
	log      *stubLog
	reports  chan stubMessage
	sids     atomic.Uint64
	told     atomic.Uint64 // callbacks that were answered with 2xx
	refused  atomic.Uint64 // callbacks that were not
	first    atomic.Int64  // nanoseconds of the first request
	last     atomic.Int64  // of the last answered callback
	sick     chan struct{} // closed when the first callback is given up
	closed   chan struct{}
	once     sync.Once
}

// stubMessage is a message whose delivery is to be reported.
type stubMessage struct{ sid, from, to, callback string }

// newStub opens a stub whose clock stands on a working day's morning.
func newStub(log string) (*stub, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // it does not wait
	if err != nil {
		return nil, fmt.Errorf("open the stub: %w", err)
	}
	begun, err := newStubLog(log)
	if err != nil {
		return nil, errors.Join(err, listener.Close())
	}
	s := &stub{
		listener: listener, log: begun, reports: make(chan stubMessage, 1<<16), sick: make(chan struct{}), closed: make(chan struct{}),
		clock: sandbox.ClockState{Start: time.Date(2027, time.March, 9, 9, 0, 0, 0, time.UTC), Anchor: time.Now().UTC(), Speed: stubSpeed},
	}
	go s.accept()
	for range stubCallbacks {
		go s.report()
	}
	return s, nil
}

func (s *stub) url() string { return "http://" + s.listener.Addr().String() }

// close ends the stub and completes its log.
func (s *stub) close() error {
	var err error
	s.once.Do(func() {
		close(s.closed)
		err = errors.Join(s.listener.Close(), s.log.close())
	})
	return err
}

func (s *stub) accept() {
	for {
		connection, err := s.listener.Accept()
		if err != nil {
			return
		}
		go s.serve(connection)
	}
}

func (s *stub) serve(connection net.Conn) {
	defer func() { _ = connection.Close() }()
	go func() { <-s.closed; _ = connection.Close() }()
	reader, answer := bufio.NewReaderSize(connection, 8<<10), []byte(nil)
	for {
		method, path, body, err := readRequest(reader)
		if err != nil {
			return
		}
		var message *stubMessage
		answer, message = s.answer(answer[:0], method, path, body)
		if _, err := connection.Write(answer); err != nil {
			return
		}
		if message != nil {
			s.reports <- *message
		}
	}
}

// readRequest reads one request; the path and the body are valid until the next.
func readRequest(reader *bufio.Reader) (method, path string, body []byte, err error) {
	line, err := reader.ReadSlice('\n')
	if err != nil {
		return "", "", nil, err
	}
	method, rest, _ := strings.Cut(string(line), " ")
	path, _, _ = strings.Cut(rest, " ")
	length, err := readHeader(reader)
	if err != nil || length == 0 {
		return method, path, nil, err
	}
	body, err = reader.Peek(length)
	if err == nil {
		_, err = reader.Discard(length)
	}
	return method, path, body, err
}

// readHeader reads to the blank line and returns the body's length.
func readHeader(reader *bufio.Reader) (length int, err error) {
	for {
		line, err := reader.ReadSlice('\n')
		if err != nil {
			return 0, err
		}
		if len(line) <= 2 {
			return length, nil
		}
		name, value, _ := bytes.Cut(line, []byte(":"))
		if len(name) == len("Content-Length") && textproto.CanonicalMIMEHeaderKey(string(name)) == "Content-Length" {
			if length, err = strconv.Atoi(string(bytes.TrimSpace(value))); err != nil || length < 0 || length > 4<<10 {
				return 0, fmt.Errorf("a body of %q bytes", bytes.TrimSpace(value))
			}
		}
	}
}

func appendAnswer(to []byte, status, body string) []byte {
	to = append(append(append(to, "HTTP/1.1 "...), status...), "\r\nContent-Type: application/json\r\nContent-Length: "...)
	return append(append(strconv.AppendInt(to, int64(len(body)), 10), "\r\n\r\n"...), body...)
}

// answer appends the answer to a request, and returns the message that it made.
func (s *stub) answer(to []byte, method, path string, body []byte) ([]byte, *stubMessage) {
	path, _, _ = strings.Cut(path, "?")
	switch {
	case method == "POST" && strings.HasSuffix(path, "/Messages.json"):
		return s.create(to, body)
	case method == "GET" && strings.HasSuffix(path, "/Messages.json"):
		return appendAnswer(to, "200 OK", `{"messages":[],"next_page_uri":null,"page":0,"page_size":1000}`), nil
	case method == "GET" && path == "/sandbox/clock":
		state, _ := json.Marshal(s.clock) // it has nothing that could not be written
		return appendAnswer(to, "200 OK", string(state)), nil
	case method == "POST" && (path == "/sandbox/inbound" || path == "/sandbox/voice"):
		return appendAnswer(to, "200 OK", "{}"), nil
	default:
		return appendAnswer(to, "404 Not Found", `{"code":20404,"message":"not here","status":404}`), nil
	}
}

func (s *stub) create(to, body []byte) ([]byte, *stubMessage) {
	form, err := url.ParseQuery(string(body))
	// The fragment says how often to try again, and is neither sent nor signed.
	callback, _, _ := strings.Cut(form.Get("StatusCallback"), "#")
	message := &stubMessage{from: form.Get("From"), to: form.Get("To"), callback: callback}
	if err != nil || message.to == "" || message.from == "" || form.Get("Body") == "" {
		return appendAnswer(to, "400 Bad Request", `{"code":21604,"message":"something is missing","status":400}`), nil
	}
	message.sid = fmt.Sprintf("SM%032x", s.sids.Add(1))
	s.first.CompareAndSwap(0, time.Now().UnixNano())
	s.log.add(message)
	return appendAnswer(to, "201 Created", `{"sid":"`+message.sid+`","account_sid":"`+stubAccount+`","status":"queued","direction":"outbound-api",`+
		`"error_code":null,"error_message":null,"num_segments":"1","api_version":"2010-04-01"}`), message
}

// report makes callbacks over one connection, until the stub is closed.
func (s *stub) report() {
	signer := hmac.New(sha1.New, []byte(stubToken))
	line := &callbackLine{signer: signer}
	defer line.close()
	for {
		select {
		case message := <-s.reports:
			if message.callback == "" {
				continue
			}
			if !line.tell(&message) {
				if s.refused.Add(1) == 1 {
					close(s.sick)
				}
				continue
			}
			s.told.Add(1)
			s.last.Store(time.Now().UnixNano())
		case <-s.closed:
			return
		}
	}
}

// callbackLine is a connection to whoever hears callbacks.
type callbackLine struct {
	host       string
	connection net.Conn
	reader     *bufio.Reader
	signer     hash.Hash
	form, text []byte
}

func (l *callbackLine) close() {
	if l.connection != nil {
		_ = l.connection.Close()
		l.connection = nil
	}
}

var errNotTaken = errors.New("the callback was not answered with 2xx")

// stubTries is how often a callback is tried.
const stubTries = 3

// tell makes a callback until it is taken, and tells whether it was.
func (l *callbackLine) tell(message *stubMessage) bool {
	for range stubTries {
		if l.post(message) == nil {
			return true
		}
		l.close()
	}
	return false
}

// post makes one signed callback and reads its answer.
func (l *callbackLine) post(message *stubMessage) error {
	host, path, _ := strings.Cut(strings.TrimPrefix(message.callback, "http://"), "/")
	if l.connection == nil || l.host != host {
		l.close()
		connection, err := new(net.Dialer).DialContext(context.Background(), "tcp", host)
		if err != nil {
			return fmt.Errorf("call back: %w", err)
		}
		l.host, l.connection, l.reader = host, connection, bufio.NewReader(connection)
	}
	pairs := [...]struct{ key, value string }{
		{"AccountSid", stubAccount},
		{"ApiVersion", "2010-04-01"},
		{"From", message.from},
		{"MessageSid", message.sid},
		{"MessageStatus", "delivered"},
		{"SmsSid", message.sid},
		{"SmsStatus", "delivered"},
		{"To", message.to},
	}
	l.form = l.form[:0]
	l.text = append(l.text[:0], message.callback...)
	for i, pair := range pairs {
		if i > 0 {
			l.form = append(l.form, '&')
		}
		l.form = append(append(l.form, pair.key...), '=')
		l.form = append(l.form, url.QueryEscape(pair.value)...)
		l.text = append(append(l.text, pair.key...), pair.value...)
	}
	l.signer.Reset()
	_, _ = l.signer.Write(l.text) // a hash never fails
	l.text = append(append(append(l.text[:0], "POST /"...), path...), " HTTP/1.1\r\nHost: "...)
	l.text = append(append(l.text, host...), "\r\nContent-Type: application/x-www-form-urlencoded\r\nX-Twilio-Signature: "...)
	l.text = base64.StdEncoding.AppendEncode(l.text, l.signer.Sum(nil))
	l.text = append(strconv.AppendInt(append(l.text, "\r\nContent-Length: "...), int64(len(l.form)), 10), "\r\n\r\n"...)
	if _, err := l.connection.Write(append(l.text, l.form...)); err != nil {
		return fmt.Errorf("call back: %w", err)
	}
	return l.readAnswer()
}

func (l *callbackLine) readAnswer() error {
	line, err := l.reader.ReadSlice('\n')
	if err != nil {
		return fmt.Errorf("read the answer to a callback: %w", err)
	}
	const statusAt = len("HTTP/1.1 ")
	taken := len(line) > statusAt && line[statusAt] == '2'
	length, err := readHeader(l.reader)
	if err == nil {
		_, err = l.reader.Discard(length)
	}
	if err != nil {
		return fmt.Errorf("read the answer to a callback: %w", err)
	}
	if !taken {
		return errNotTaken
	}
	return nil
}

// stubLog is what the judge reads: a line for each message, with number and
// sender.
type stubLog struct {
	mu     sync.Mutex
	file   *os.File
	writer *bufio.Writer
}

func newStubLog(path string) (*stubLog, error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open the stub's log: %w", err)
	}
	return &stubLog{file: file, writer: bufio.NewWriterSize(file, 1<<20)}, nil
}

func (l *stubLog) add(message *stubMessage) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, part := range []string{message.to, " ", message.from, " ", message.sid, "\n"} {
		_, _ = l.writer.WriteString(part) // kept by the writer, and told by close
	}
}

func (l *stubLog) close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return errors.Join(l.writer.Flush(), l.file.Close())
}
