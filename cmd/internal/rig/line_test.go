package rig

import (
	"errors"
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/hustings/hustings/cmd/internal/outpost"
)

// line is a connection between two programs that goes wrong when it is told to.
type line struct {
	t *testing.T
	// address is where the one program finds the other, which listens at far.
	address, far string

	mu       sync.Mutex
	changed  *sync.Cond
	listener net.Listener
	ends     map[*net.TCPConn]bool
	// frozen tells that no byte moves on its way there, or on its way back.
	frozen map[way]bool
	delay  time.Duration
	group  sync.WaitGroup
}

// way is a direction.
type way int

const (
	there way = iota
	backAgain
)

// newLine lets nobody through before open.
func newLine(t *testing.T) *line {
	t.Helper()
	l := &line{t: t, address: outpost.FreeAddress(t), ends: map[*net.TCPConn]bool{}, frozen: map[way]bool{}}
	l.changed = sync.NewCond(&l.mu)
	t.Cleanup(func() { l.sever(); l.group.Wait() })
	return l
}

// open lets connections through to whoever listens at far, and returns where
// they come in.
func (l *line) open(far string) string {
	l.t.Helper()
	l.far = far
	l.connect()
	return l.address
}

func (l *line) connect() {
	l.t.Helper()
	listener, err := net.Listen("tcp", l.address)
	if err != nil {
		l.t.Fatal(err)
	}
	l.mu.Lock()
	l.listener = listener
	l.mu.Unlock()
	l.group.Go(func() {
		for {
			connection, err := listener.Accept()
			if err != nil {
				return
			}
			l.group.Go(func() { l.carry(connection.(*net.TCPConn)) })
		}
	})
}

// carry moves bytes both ways until one end is over.
func (l *line) carry(near *net.TCPConn) {
	connection, err := net.DialTimeout("tcp", l.far, 5*time.Second)
	if err != nil {
		reset(near)
		return
	}
	far := connection.(*net.TCPConn)
	if !l.join(near, far) {
		return
	}
	var group sync.WaitGroup
	group.Go(func() { l.move(there, near, far) })
	group.Go(func() { l.move(backAgain, far, near) })
	group.Wait()
	l.leave(near, far)
}

// join notes the ends of a connection; a line that was cut meanwhile takes none.
func (l *line) join(ends ...*net.TCPConn) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, end := range ends {
		if l.listener == nil {
			reset(end)
			continue
		}
		l.ends[end] = true
	}
	return l.listener != nil
}

func (l *line) leave(ends ...*net.TCPConn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, end := range ends {
		_ = end.Close()
		delete(l.ends, end)
	}
}

// move moves what comes, when it may.
func (l *line) move(w way, from, to *net.TCPConn) {
	buffer := make([]byte, 32<<10)
	for {
		n, err := from.Read(buffer)
		if n > 0 && l.pass(w) {
			if _, err := to.Write(buffer[:n]); err != nil {
				reset(from)
				return
			}
		}
		switch {
		case errors.Is(err, io.EOF):
			_ = to.CloseWrite()
			return
		case err != nil:
			reset(to)
			return
		}
	}
}

// pass waits until bytes may move, and tells whether the line still stands.
func (l *line) pass(w way) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	for l.frozen[w] && l.listener != nil {
		l.changed.Wait()
	}
	if delay := l.delay; delay > 0 {
		l.mu.Unlock()
		<-time.After(delay)
		l.mu.Lock()
	}
	return l.listener != nil
}

// reset ends a connection so that the other side sees a reset.
func reset(end *net.TCPConn) {
	_ = end.SetLinger(0)
	_ = end.Close()
}

// sever resets all connections and refuses new ones.
func (l *line) sever() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.listener != nil {
		_ = l.listener.Close()
		l.listener = nil
	}
	for end := range l.ends {
		reset(end)
	}
	l.changed.Broadcast()
}

// freeze stops all bytes on these ways; the connections stand.
func (l *line) freeze(ways ...way) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, w := range ways {
		l.frozen[w] = true
	}
}

// slow makes each piece of what passes come later.
func (l *line) slow(delay time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.delay = delay
}

// heal ends all that is wrong.
func (l *line) heal() {
	l.t.Helper()
	l.mu.Lock()
	l.frozen, l.delay = map[way]bool{}, 0
	l.changed.Broadcast()
	severed := l.listener == nil
	l.mu.Unlock()
	if severed {
		l.connect()
	}
}
