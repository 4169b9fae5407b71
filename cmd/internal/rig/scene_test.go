package rig

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/hustings/hustings/cmd/internal/outpost"
	"github.com/hustings/hustings/configs"
	"github.com/hustings/hustings/dialer"
	"github.com/hustings/hustings/queue"
)

// scene is an outpost in the middle of two parties' campaigns, and what has been
// promised to its people.
type scene struct {
	*outpost.Outpost
	t        *testing.T
	inFlight int
	numbers  []string
	// kills is how often the daemon has died on the way, and cut how many requests
	// may have been cut off so that nobody knows what became of them.
	kills, cut int
	// there is nil while no daemon is known to be there.
	there atomic.Pointer[presence]

	// places is where people live, by number; all others live in Paris.
	places map[string]home
	// steps is how often a campaign may try somebody; 0 means once.
	steps int

	// restored tells that the ledger was put back: it does not know all attempts.
	restored bool
	// thaws are the instants at which a line let go of the requests that it had
	// held back, for longer perhaps than whoever sent them waited.
	thaws []time.Time

	mu        sync.Mutex
	campaigns []string
	// acknowledged is when the control service told of an opt-out that it is in
	// force.
	acknowledged map[string]time.Time
}

// presence is a daemon that can be asked.
type presence struct {
	client *queue.Client
	player *outpost.Player
}

var parties = []string{"party-a", "party-b"}

// newScene starts a carrier and a daemon, and imports people who consent to the
// texts of both parties.
func newScene(t *testing.T, people int, options outpost.Options) *scene {
	t.Helper()
	if options.Directory == "" {
		options.Directory = folder(t)
	}
	if options.InFlight == 0 {
		options.InFlight = 16
	}
	s := &scene{
		Outpost: outpost.New(t, options), t: t, inFlight: options.InFlight, numbers: outpost.Invent(people),
		acknowledged: map[string]time.Time{},
	}
	return s
}

// open starts the daemon for the first time.
func (s *scene) open() {
	s.t.Helper()
	s.start()
	s.ImportPeople(s.numbers, "FR-75", parties...)
}

func (s *scene) start() {
	s.t.Helper()
	if s.launch(outpost.Launch{}) {
		return
	}
	s.t.Fatalf("the daemon has died\n%s", s.Tell())
}

// launch starts the daemon, and tells whether it has lived until it was ready.
func (s *scene) launch(launch outpost.Launch) bool {
	s.t.Helper()
	switch err := s.Launch(launch); {
	case err == nil:
		s.there.Store(&presence{s.Client, s.Player()})
		return true
	case errors.Is(err, outpost.ErrEnded):
		return false
	default:
		s.t.Fatal(err)
		return false
	}
}

// order is a job for everybody who is left.
func order(party, name string, size int) *dialer.Job {
	job, err := configs.ReadCampaign("../../../configs/campaigns/" + party + "-seniors.yaml")
	if err != nil {
		panic(err) // the file stands in the repository
	}
	job.ID, job.Size, job.Segment = name, size, nil
	// What tells a party's campaigns apart at the carrier.
	job.Message.Body += " (" + name + ")"
	job.Budget = 100_000 * dialer.Unit
	return job
}

// calls is a job of the first party's to call everybody who is left.
func calls(name string, size int) *dialer.Job {
	job, err := configs.ReadCampaign("../../../configs/campaigns/party-a-calls.yaml")
	if err != nil {
		panic(err) // the file stands in the repository
	}
	job.ID, job.Size, job.Segment = name, size, nil
	job.Budget = 100_000 * dialer.Unit
	return job
}

// submit has a job accepted, whatever happens to the daemon meanwhile.
func (s *scene) submit(job *dialer.Job) {
	s.t.Helper()
	s.Submit(job)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.campaigns = append(s.campaigns, job.ID)
}

// kill ends the daemon without a warning.
func (s *scene) kill() {
	s.Stop(syscall.SIGKILL)
	s.there.Store(nil)
	s.died()
}

// died notes that the daemon has died, with all that was in flight.
func (s *scene) died() {
	s.kills++
	s.cut += s.inFlight
}

// errAway tells that no daemon is there to be asked.
var errAway = errors.New("no daemon is there")

// patience is how long a person waits for an answer before asking again.
const patience = 8 * time.Second

// whileThere returns the daemon that is there, with a context that ends with it:
// nobody would answer then, so nobody waits.
func (s *scene) whileThere() (*presence, context.Context, context.CancelFunc) {
	there := s.there.Load()
	ctx, cancel := context.WithCancel(s.t.Context())
	go func() {
		select {
		case <-there.player.Over():
			there.client.Close()
			cancel()
		case <-ctx.Done():
		}
	}()
	return there, ctx, cancel
}

// ask gives an order or asks a question, as a person does who does not know how
// the daemon is.
func (s *scene) ask(ctx context.Context, use func(context.Context, *queue.Client) error) error {
	there := s.there.Load()
	if there == nil {
		return errAway
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	go func() {
		select {
		case <-there.player.Over(): // nobody will answer
			cancel()
		case <-ctx.Done():
		}
	}()
	return use(ctx, there.client)
}

// optOut has somebody's opt-out entered, and notes when it was acknowledged.
func (s *scene) optOut(ctx context.Context, number string) error {
	return s.ask(ctx, func(ctx context.Context, client *queue.Client) error {
		_, err := client.OptOut(ctx, queue.OptOut{Number: number, Way: "phone", Operator: "op-anne"})
		if err != nil {
			return err
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		if _, before := s.acknowledged[number]; !before {
			s.acknowledged[number] = time.Now()
		}
		return nil
	})
}

// traffic is what goes on around the daemon all the time.
type traffic struct {
	// texts, optOuts and orders are how long it is about between two of a kind;
	// 0 means none.
	texts, optOuts, orders time.Duration
}

// stops are the words by which people ask to be left alone.
var stops = []string{"STOP", "arrêt", "Ne m'appelez plus !", "stop svp", "Stop"}

// begin lets the traffic run until the function that it returns is called.
func (s *scene) begin(random *rand.Rand, plan traffic) (end func()) {
	ctx, cancel := context.WithCancel(context.Background())
	var group sync.WaitGroup
	again := func(each time.Duration, do func(*rand.Rand)) {
		if each == 0 {
			return
		}
		own := rand.New(rand.NewPCG(random.Uint64(), 0))
		group.Go(func() {
			for pause(ctx, between(own, each/2, each*3/2)) {
				do(own)
			}
		})
	}
	again(plan.texts, func(own *rand.Rand) {
		// A carrier that is away takes no texts either.
		_ = s.Order("reply", fmt.Sprintf(`{"from":%q,"to":"TILLEULS","body":%q}`,
			s.numbers[own.IntN(len(s.numbers))], stops[own.IntN(len(stops))]))
	})
	again(plan.optOuts, func(own *rand.Rand) {
		number := s.numbers[own.IntN(len(s.numbers))]
		for s.optOut(ctx, number) != nil && pause(ctx, 50*time.Millisecond) {
		}
	})
	again(plan.orders, func(own *rand.Rand) { s.interfere(ctx, own) })
	return func() { cancel(); group.Wait() }
}

// interfere pauses a campaign, or has all go on.
func (s *scene) interfere(ctx context.Context, random *rand.Rand) {
	s.mu.Lock()
	campaigns := append([]string(nil), s.campaigns...)
	s.mu.Unlock()
	if len(campaigns) == 0 {
		return
	}
	verb := queue.VerbCampaignResume
	if random.IntN(3) == 0 {
		verb, campaigns = queue.VerbCampaignPause, campaigns[random.IntN(len(campaigns)):][:1]
	}
	for _, campaign := range campaigns {
		// One that does not run cannot be paused, and so on: that is an answer.
		_ = s.command(ctx, verb, campaign)
	}
}

func (s *scene) command(ctx context.Context, verb queue.Verb, campaign string) error {
	return s.ask(ctx, func(ctx context.Context, client *queue.Client) error {
		var request any = queue.CampaignRequest{Campaign: campaign, Operator: "op-bruno", Reason: "the rig"}
		if verb == queue.VerbCampaignResume {
			request = dialer.NewOrder(dialer.OrderResume, campaign, "op-bruno", "the rig")
		}
		return client.Call(ctx, verb, request, nil)
	})
}

// pause waits and tells whether the whole span passed before the context's end.
func pause(ctx context.Context, span time.Duration) bool {
	timer := time.NewTimer(span)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// hasty is a speed at which nobody should have to be dialled: a permit is good
// for a few milliseconds.
const hasty = 6000

// finish has everything go on and come to its end, and stops the daemon.
func (s *scene) finish() ruling {
	s.t.Helper()
	for _, campaign := range s.campaigns {
		_ = s.command(s.t.Context(), queue.VerbCampaignResume, campaign) // most were not paused
	}
	s.Await(s.Advance, func(view *dialer.CampaignView) bool {
		return view.State == "closed" || view.Balance.Planned+view.Balance.Waiting+view.Balance.Intended == 0
	}, s.campaigns...)
	// What is left are the carrier's outcomes, and looks after hours.
	s.Speed(hasty)
	views := s.Close(s.Advance, s.campaigns...)
	if code := s.Stop(syscall.SIGTERM); code != 0 {
		s.t.Errorf("exit code %d after SIGTERM\n%s", code, s.Tell())
	}
	s.there.Store(nil)
	return s.judge(views)
}
