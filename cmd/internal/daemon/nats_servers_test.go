package daemon

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hustings/hustings/configs"
	"github.com/hustings/hustings/queue"
	"github.com/hustings/hustings/queue/queuetest"
)

// natsServers are real servers, each a process of its own.
type natsServers struct {
	*queuetest.Outside

	program   string
	processes []*exec.Cmd
	said      []*bytes.Buffer
}

// mustStartServers starts as many servers as the shipped configuration is written for.
func mustStartServers(t *testing.T, program string, servers int) *natsServers {
	t.Helper()
	s := &natsServers{
		Outside: queuetest.MustWrite(t, "../../../configs/nats/hustings.conf", servers), program: program,
		processes: make([]*exec.Cmd, servers), said: make([]*bytes.Buffer, servers),
	}
	for i := range servers {
		s.start(t, i)
	}
	t.Cleanup(func() {
		for i := range servers {
			s.kill(t, i)
		}
		if t.Failed() {
			for i, said := range s.said {
				t.Logf("server %d ended with:\n%s", i+1, said.Bytes()[max(0, said.Len()-2000):])
			}
		}
	})
	return s
}

func (s *natsServers) start(t *testing.T, i int) {
	t.Helper()
	s.said[i] = new(bytes.Buffer)
	s.processes[i] = exec.Command(s.program, "-c", s.Configs[i])
	s.processes[i].Stderr = s.said[i]
	if err := s.processes[i].Start(); err != nil {
		t.Fatal(err)
	}
}

// kill ends a server as kill -9 does.
func (s *natsServers) kill(t *testing.T, i int) {
	t.Helper()
	if err := s.processes[i].Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = s.processes[i].Wait() // it was killed
}

// leader returns which server leads a stream.
func (s *natsServers) leader(t *testing.T, name string) int {
	t.Helper()
	leader := -1
	eventually(t, "stream "+name+" has a leader", func() bool {
		stream, found := s.Stream(t, name)
		leader = stream.Leader
		return found && (leader >= 0 || len(s.processes) == 1)
	})
	return max(leader, 0)
}

// Ensure that a campaign over real NATS servers, alone and three of them, with TLS and
// a user for each role, comes to its end with nobody dialled twice or after an
// objection (I1, I2), although the server that leads is killed while it is dialled and
// while objections come in.
func TestDaemon_NATSServers(t *testing.T) {
	program := os.Getenv("HUSTINGS_NATS_SERVER")
	if program == "" {
		t.Skip("it needs a nats-server in HUSTINGS_NATS_SERVER: .ci/nats builds one")
	}
	for _, servers := range []int{1, 3} {
		t.Run(fmt.Sprint(servers), func(t *testing.T) {
			outside := mustStartServers(t, program, servers)
			h := slowHouse(t)
			// Some thirty seconds of dialling: the death of a server takes its time.
			h.config.Carrier.Sandbox.Latency, h.config.Pacing.InFlight = 200*time.Millisecond, 4
			h.outside = outside.Outside
			h.config.NATS = configs.NATS{URL: outside.URL, Credentials: outside.Seed(queuetest.Daemon), CA: outside.CA, Replicas: servers}
			h.run()
			eventually(t, "the streams are there", func() bool {
				_, found := outside.Stream(t, "OPTOUT")
				return found && h.daemon.conn.Connected()
			})
			h.attach()
			numbers := invent(600)
			h.importPeople(numbers, "FR-75", "party-a")
			public := h.status().SealKey
			job := orderFor("party-a", 600)
			h.submit(job)
			eventually(t, "dialling is under way", func() bool { return requests(t, h.carrierLog()) > 50 })
			if jobs, _ := outside.Stream(t, "SUBMIT"); jobs.Replicas != servers {
				t.Errorf("jobs are kept on %d servers, want %d", jobs.Replicas, servers)
			}

			leader := outside.leader(t, "OPTOUT")
			outside.kill(t, leader)
			var mu sync.Mutex
			acknowledged, kept := map[string]time.Time{}, 0
			object := func(number string) {
				ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
				defer cancel()
				answer, err := h.client.SendOptOut(ctx, public, queue.OptOut{Number: number})
				mu.Lock()
				defer mu.Unlock()
				switch {
				case err == nil && answer.Effect == "effective":
					acknowledged[number] = time.Now()
				case queue.CodeOf(err) == queue.CodeTimeout:
					kept++ // in the queue, and effective sometime
				case queue.CodeOf(err) != queue.CodeUnreachable: // the sender knows that it must come again
					t.Errorf("an objection: %+v, %v", answer, err)
				}
			}
			var senders sync.WaitGroup
			for _, number := range h.notDialled(numbers, 10) {
				senders.Go(func() { object(number) })
			}
			senders.Wait()
			outside.start(t, leader)
			eventually(t, "the server is back", func() bool { _, found := outside.Stream(t, "OPTOUT"); return found && h.daemon.conn.Connected() })
			for _, number := range h.notDialled(numbers, 20) {
				eventually(t, "an objection is effective", func() bool { object(number); return !acknowledged[number].IsZero() })
			}
			h.close(h.advance, job.ID)
			verdict := judge(t, h.carrierLog(), acknowledged)
			t.Logf("%d servers, leader %d killed: %d messages, %d objections effective, %d kept meanwhile", servers, leader+1, verdict.Created, len(acknowledged), kept)
			for i, said := range outside.said {
				if strings.Contains(said.String(), numbers[0][1:]) {
					t.Errorf("server %d has logged a number", i+1)
				}
			}
			for _, store := range outside.Stores {
				for path, content := range contentsUnder(t, store, "") {
					if strings.Contains(string(content), numbers[0][1:]) {
						t.Errorf("a number stands in clear in %s", path)
					}
				}
			}
		})
	}
}
