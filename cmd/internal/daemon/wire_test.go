package daemon

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// wire is any program that speaks NATS's own protocol: what the daemon takes
// and what it tells must hold for all of them, not only for our client.
type wire struct {
	t          *testing.T
	connection net.Conn
	ended      chan struct{}

	mu    sync.Mutex
	heard []heard
}

// heard is one message as it came, headers and all.
type heard struct {
	subject string
	body    []byte
}

// dialWire connects to a server and hears all that is said on the subjects.
func dialWire(t *testing.T, address, token string, subjects ...string) *wire {
	t.Helper()
	parsed, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	connection, err := net.Dial("tcp", parsed.Host)
	if err != nil {
		t.Fatal(err)
	}
	w := &wire{t: t, connection: connection, ended: make(chan struct{})}
	w.send(`CONNECT {"verbose":false,"pedantic":false,"headers":true,"lang":"none","version":"1","protocol":1,"auth_token":%q}`, token)
	for i, subject := range subjects {
		w.send("SUB %s %d", subject, i+1)
	}
	w.send("PING")
	lines := bufio.NewReader(connection)
	for {
		line, err := lines.ReadString('\n')
		if err != nil || strings.HasPrefix(line, "-ERR") {
			t.Fatalf("connect: %v %s", err, line)
		}
		if strings.HasPrefix(line, "PONG") {
			break
		}
	}
	go w.listen(lines)
	t.Cleanup(w.close)
	return w
}

func (w *wire) close() {
	_ = w.connection.Close()
	<-w.ended
}

func (w *wire) send(format string, values ...any) {
	w.t.Helper()
	if _, err := fmt.Fprintf(w.connection, format+"\r\n", values...); err != nil {
		w.t.Fatalf("send: %v", err)
	}
}

// publish says something, and where the answer is wanted.
func (w *wire) publish(subject, reply string, body []byte) {
	w.t.Helper()
	w.send("PUB %s %s %d\r\n%s", subject, reply, len(body), body)
}

// listen keeps all that is heard until the connection closes.
func (w *wire) listen(lines *bufio.Reader) {
	defer close(w.ended)
	for {
		line, err := lines.ReadString('\n')
		if err != nil {
			return
		}
		words := strings.Fields(line)
		switch {
		case len(words) > 0 && words[0] == "PING":
			_, _ = io.WriteString(w.connection, "PONG\r\n")
		case len(words) > 3 && (words[0] == "MSG" || words[0] == "HMSG"):
			size, _ := strconv.Atoi(words[len(words)-1])
			body := make([]byte, size+2) // the line's end follows
			if _, err := io.ReadFull(lines, body); err != nil {
				return
			}
			w.mu.Lock()
			w.heard = append(w.heard, heard{words[1], body[:size]})
			w.mu.Unlock()
		}
	}
}

// all returns what was heard so far.
func (w *wire) all() []heard {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]heard(nil), w.heard...)
}

// await returns the body of the next message on the subject, as the JSON that
// ends it: headers stand before.
func (w *wire) await(t *testing.T, subject string, into any) {
	t.Helper()
	eventually(t, "an answer on "+subject, func() bool {
		for _, message := range w.all() {
			if message.subject == subject {
				body := string(message.body)
				if err := json.Unmarshal([]byte(body[strings.Index(body, "{"):]), into); err != nil {
					t.Fatalf("an answer on %s: %v", subject, err)
				}
				return true
			}
		}
		return false
	})
}
