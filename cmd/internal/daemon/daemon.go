package daemon

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/rs/zerolog"
	"golang.org/x/sync/errgroup"

	"github.com/hustings/hustings/cmd/internal/build"
	"github.com/hustings/hustings/configs"
	"github.com/hustings/hustings/consent"
	"github.com/hustings/hustings/dialer"
	"github.com/hustings/hustings/dialer/report"
	"github.com/hustings/hustings/queue"
	"github.com/hustings/hustings/store"
)

// Daemon is a dialerd in this process.
type Daemon struct {
	config    *configs.Config
	log       zerolog.Logger
	threshold *threshold
	seams     Seams
	written   written

	registry *dialer.Registry
	schema   *configs.DirectorySchema
	pack     *consent.Pack

	paths store.Paths
	// keys are those of the start: which seal key is in use directories knows.
	keys        *store.Keys
	signing     report.SigningKey
	ledger      *store.Ledger
	moves       dialer.Ledger // where moves go: the ledger, or what stands before it
	journal     *store.Journal
	objections  objectionJournal
	directories *store.Directories
	// lastOrder is the last place in the order of acceptance that the ledger
	// knew at the start.
	lastOrder uint64

	carrier   *carrier
	clock     dialer.Clock
	dialer    *dialer.Dialer
	queue     *queue.Server
	conn      *queue.Conn
	publisher *queue.Publisher
	announcer announcer
	service   *queue.Service
	intake    *intakeDesk
	// erasures wakes the eraser.
	erasures chan struct{}
	tasks    *taskDesk
	health   *health
	// reportsAddress is where parties reach their reports, empty for nowhere.
	reportsAddress string
	// checkpoints are the signed statements of the audit log's tree.
	checkpoints *checkpoints
	metrics     *metrics
	disk        disk
	// damaged are the campaigns of whose damaged reports was told.
	damaged sync.Map

	// own are the broker's own phones.
	own []dialer.OwnNumber
	// unfit is why Run cannot work and only lingers.
	unfit error
	// closers close what was opened, the last first.
	closers []closer
}

type closer struct {
	name  string
	close func() error
}

// New reads the registry, opens the store and the listeners, and connects to
// NATS; its log goes to the writer. Nothing is dialled before Run. What was opened
// is closed again where a later part fails, unless it is only the disk that keeps
// the daemon from its work: then Run hears objections for a while before it fails.
func New(config *configs.Config, log io.Writer) (*Daemon, error) {
	return newWith(Seams{}, config, log)
}

func newWith(seams Seams, config *configs.Config, log io.Writer) (*Daemon, error) {
	d := &Daemon{config: config, threshold: new(threshold), seams: seams, health: new(health), metrics: newMetrics(), erasures: make(chan struct{}, 1)}
	level, err := parseLevel(config.Log.Level)
	if err != nil {
		return nil, fmt.Errorf("log: %w", err)
	}
	d.threshold.set(level)
	d.threshold.configured.Store(int32(level))
	d.written.remember(config)
	out := newRepeats(log, d.metrics.suppressed)
	d.onClose("log", out.Close)
	d.log = zerolog.New(out).With().Timestamp().Logger().Sample(d.threshold)
	for _, open := range []func() error{d.readFiles, d.openStore, d.refuseSynthetic, d.openCarrier, d.openDialer, d.openCheckpoints, d.openCallbacks} {
		if err := open(); err != nil {
			return nil, errors.Join(err, d.Close())
		}
	}
	// From here on the carrier's callbacks are heard.
	d.lookAtDisk()
	err = errors.Join(d.restoreObjections(), d.openNATS())
	if d.stillHears(err) {
		d.unfit, err = err, nil
	}
	if err = errors.Join(err, d.openOps(), d.openDelivery()); err != nil {
		return nil, errors.Join(err, d.Close())
	}
	return d, nil
}

func (d *Daemon) onClose(name string, close func() error) {
	d.closers = append(d.closers, closer{name, close})
}

// Close closes what New opened. It may be called twice.
func (d *Daemon) Close() error {
	var failed error
	for len(d.closers) > 0 {
		last := d.closers[len(d.closers)-1]
		d.closers = d.closers[:len(d.closers)-1]
		if err := last.close(); err != nil {
			failed = errors.Join(failed, fmt.Errorf("close %s: %w", last.name, err))
		}
	}
	return failed
}

// readFiles reads what people wrote: the registry, the directory's columns and
// the rules.
func (d *Daemon) readFiles() error {
	var err error
	if d.registry, err = d.config.LoadRegistry(); err != nil {
		return err
	}
	if d.schema, err = d.config.LoadDirectory(); err != nil {
		return err
	}
	d.registry.Attributes = d.schema.Declared()
	if d.own, err = d.config.LoadTestNumbers(); err != nil {
		return err
	}
	if d.pack, err = d.readPack(); err != nil {
		return err
	}
	d.registry.Pack = d.config.Packs.Name
	return nil
}

// openStore opens keys, ledger, journal and directory, in the order in which
// each guards the next.
func (d *Daemon) openStore() error {
	if err := os.MkdirAll(d.config.DataDirectory, 0o700); err != nil {
		return fmt.Errorf("make the data directory: %w", err)
	}
	d.paths = store.PathsIn(d.config.DataDirectory)
	d.paths.Keys = d.config.KeysDirectory()
	var err error
	if d.keys, err = store.OpenOrCreateKeys(d.paths); err != nil {
		return fmt.Errorf("load keys: %w", err)
	}
	if err := d.mustBeBackedUp(); err != nil {
		return err
	}
	if d.signing, err = report.NewSigningKey(d.keys.ReportSeed.Bytes()); err != nil {
		return fmt.Errorf("load the key that signs reports: %w", err)
	}
	if d.ledger, err = store.OpenLedger(d.paths.Ledger, store.LedgerOptions{Keys: d.keys, OnCommit: d.metrics.committed}); err != nil {
		return err
	}
	d.onClose("ledger", d.ledger.Close)
	if err := d.settleKeys(); err != nil { // nobody else has the store now
		return err
	}
	if d.lastOrder, err = dialer.LastOrder(d.ledger); err != nil {
		return err
	}
	if d.journal, err = store.OpenJournal(d.paths.Journal); err != nil {
		return err
	}
	d.objections = objectionJournal{d.journal, make(chan error, 1)}
	d.onClose("objection journal", d.journal.Close)
	if d.directories, err = store.OpenDirectories(d.paths.Directory, d.keys, d.registry.Attributes); err != nil {
		return err
	}
	d.onClose("directory", d.directories.Close)
	return nil
}

// openDialer makes the dialer.
func (d *Daemon) openDialer() error {
	options := dialer.Options{
		Ledger: d.ledger, Journal: d.objections, Witness: store.NewWitness(d.paths.Mark), Directory: d.directories,
		Carrier: d.carrier.client, Calls: d.carrier.client, Records: d.carrier.client, Publisher: &d.announcer,
		Registry: d.registry, Pack: d.pack, Identity: d.keys.Identity, Clock: d.clock, Log: d.log,
		Limits:   d.config.Holds.Limits(),
		InFlight: d.config.Pacing.InFlight, KeepCopies: time.Duration(d.config.Carrier.KeepDays) * 24 * time.Hour,
		OnObjection: d.metrics.objected, OwnNumbers: d.own,
	}
	if !d.carrier.sandbox { // whose own time is ours
		options.CarrierTime = d.carrier.client
	}
	d.seams.dialer(&options)
	d.moves = options.Ledger
	var err error
	d.dialer, err = dialer.New(options)
	return err
}

// restoreObjections enters in the ledger what only the journal knows: the ledger
// may be a restored one, or have failed in the daemon's last life.
func (d *Daemon) restoreObjections() error {
	return restoreObjections(context.Background(), d.journal, d.dialer)
}

// openNATS opens the queue of jobs, and the service for dialctl.
func (d *Daemon) openNATS() error {
	if err := d.openQueue(); err != nil {
		return err
	}
	return d.openService()
}

// openQueue starts or joins NATS.
func (d *Daemon) openQueue() error {
	options := queue.ConnectOptions{
		URL: d.config.NATS.URL, Credentials: d.config.NATS.Credentials, CA: d.config.NATS.CA, Replicas: d.config.NATS.Replicas, Name: "dialerd", Logger: d.log, Patient: true,
		LastOrder: d.lastOrder, Owner: d.owner(),
	}
	if options.URL == "" {
		token, err := queue.EnsureToken(d.config.DataDirectory)
		if err != nil {
			return err
		}
		d.queue, err = queue.StartServer(queue.ServerOptions{
			StoreDirectory: filepath.Join(d.config.DataDirectory, "nats"),
			Listen:         d.config.NATS.Embedded.Listen, Token: token, Logger: d.log,
		})
		if err != nil {
			return err
		}
		d.onClose("NATS server", d.bounded(d.queue.Shutdown))
		options.InProcess = d.queue
	}
	conn, err := queue.Connect(options)
	if err != nil {
		return err
	}
	d.conn = conn
	d.onClose("NATS connection", func() error { conn.Close(); return nil })
	if d.queue != nil || conn.Connected() { // an outside NATS may be away: its streams are made once it is there
		err := d.bounded(conn.EnsureStreams)()
		if err != nil && (d.queue != nil || queue.CodeOf(err) == queue.CodeConflict) {
			return err
		}
	}
	d.publisher = queue.NewPublisher(conn)
	d.announcer.to.Store(d.publisher)
	d.onClose("publisher", d.bounded(func(ctx context.Context) error { d.publisher.Close(ctx); return nil }))
	return nil
}

// patience bounds each step of starting and stopping, in real time.
const patience = 10 * time.Second

func (d *Daemon) bounded(do func(context.Context) error) func() error {
	return func() error {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		return do(ctx)
	}
}

// openService opens the control service, for dialctl.
func (d *Daemon) openService() error {
	d.intake = newIntakeDesk(intakeOptions{
		directories: d.directories, paths: d.paths, keys: d.keys, schema: d.schema, registry: d.registry,
		ledger: d.moves, object: d.dialer.Object, lists: d.dialer, clock: d.dialer.Hearing(), log: d.log,
		note:   d.dialer.Note,
		erased: d.erasedContacts, correct: d.dialer.Corrected, synthetic: d.takeSynthetic,
		scratch: filepath.Join(d.config.DataDirectory, "intake"),
	})
	d.onClose("intake", func() error { d.intake.close(); return nil })
	d.tasks = newTaskDesk(d.log)
	d.onClose("tasks", func() error { d.tasks.close(); return nil })
	handlers := d.handlers()
	maps.Copy(handlers, d.intake.handlers())
	maps.Copy(handlers, d.tasks.handlers())
	maps.Copy(handlers, d.reservationHandlers())
	maps.Copy(handlers, d.contactHandlers())
	maps.Copy(handlers, d.partyHandlers())
	maps.Copy(handlers, d.keyHandlers())
	handlers[queue.VerbRetentionRun] = d.retain
	service, err := queue.Serve(d.conn, build.Version(), d.whileFit(handlers))
	if err != nil {
		return err
	}
	d.service = service
	d.onClose("control service", d.bounded(service.Stop))
	return nil
}

// Run dials until ctx ends; then the requests in flight are brought to their
// end. An error means that the process must exit: it starts again from the
// ledger. Where the ledger has failed, objections are heard for a while before
// Run returns.
func (d *Daemon) Run(ctx context.Context) error {
	defer d.hearOptOuts()()
	err := d.unfit
	if err == nil {
		err = d.work(ctx)
	}
	if d.stillHears(err) {
		d.linger(ctx, err)
	}
	d.log.Info().Str(dialer.FieldEvent, eventStopped).AnErr("error", err).Send()
	return err
}

// work does all that the daemon is there for.
func (d *Daemon) work(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	start := func(part func() error) {
		group.Go(func() error {
			defer dialer.EndOnPanic(d.log)
			return part()
		})
	}
	start(func() error { return d.dialer.Run(ctx) })
	start(func() error { d.conn.Consume(ctx, d.seams.jobs(d.accept)); return nil })
	start(func() error { return d.keepTold(ctx) })
	start(func() error { return d.releaseReports(ctx) })
	start(func() error { return d.watchStopFile(ctx) })
	start(func() error { return d.followHangups(ctx) })
	start(func() error { return d.watchDisk(ctx) })
	start(func() error { return d.carrier.follow(ctx) })
	start(func() error { return d.keepErased(ctx) })
	start(func() error { return d.pushReports(ctx) })
	start(func() error { return d.keepCheckpoints(ctx) })
	start(func() error { return d.tellSupervisor(ctx) })
	start(func() error { return d.feedWatchdog(ctx) })
	start(func() error {
		select {
		case <-ctx.Done():
			return nil
		case <-d.ledger.Failed():
			return fmt.Errorf("the ledger has failed: %w", d.ledger.Err())
		case err := <-d.objections.failed:
			return fmt.Errorf("the objection journal has failed: %w", err)
		}
	})
	d.health.running.Store(true)
	defer d.health.running.Store(false)
	d.log.Info().Str(dialer.FieldEvent, eventStarted).Str("version", build.Version()).Str("carrier", string(d.config.Carrier.Kind)).
		Str("nats", d.conn.URL()).Str("callbacks", d.carrier.publicURL).Str("data_directory", d.config.DataDirectory).
		Str("pack", d.dialer.Pack().Version()).Bool("sandbox", d.carrier.sandbox).Send()
	return group.Wait()
}

// accept hands a job from the queue to the dialer.
func (d *Daemon) accept(ctx context.Context, s queue.Submission) queue.Disposition {
	rejection, err := d.dialer.Accept(ctx, dialer.Submission{
		ID: s.ID(), Party: s.Party, Campaign: s.Campaign, Data: s.Data, Order: s.StreamSequence,
	})
	switch {
	case err != nil:
		return queue.Later(err)
	case rejection != nil:
		return queue.Rejected(*rejection)
	default:
		return queue.Accepted()
	}
}

// stopFileName is the file in the data directory whose presence halts all
// dialling, even where NATS is sick.
const stopFileName = "STOP"

// watchStopFile halts dialling while the stop file is there.
func (d *Daemon) watchStopFile(ctx context.Context) error {
	path := filepath.Join(d.config.DataDirectory, stopFileName)
	stopped := false
	return everyReal(ctx, 200*time.Millisecond, func() error {
		_, err := os.Stat(path)
		// A file that cannot even be looked for halts, too: silence is safe.
		there := !errors.Is(err, os.ErrNotExist)
		d.dialer.Halt(dialer.HaltStopFile, there)
		if there == stopped {
			return nil
		}
		stopped = there
		what := "all dialling allowed again: the stop file is gone"
		if there {
			what = "all dialling halted: the stop file is there"
		}
		// It halts even where nothing can be written down any more.
		_ = d.dialer.Note(ctx, what, dialer.Look{Operator: "whoever can write the data directory"})
		return nil
	})
}

// everyReal calls do at once and then at an interval of real time, until the
// context ends or do fails.
func everyReal(ctx context.Context, interval time.Duration, do func() error) error {
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	for {
		if err := do(); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
	}
}
