package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// postgres is a cluster of our own, reached by a socket in its folder.
type postgres struct {
	dir     string
	bin     string
	run     *syscall.Credential // nil: ourselves
	process *process
}

// errNoPostgres says why PostgreSQL cannot be measured.
var errNoPostgres = errors.New("PostgreSQL is not installed (Debian: postgresql)")

// postgresSettings leave it the memory that a machine of its own would give it;
// all the rest is as it comes, with every commit synced.
const postgresSettings = `
listen_addresses = ''
shared_buffers = 1GB
maintenance_work_mem = 1GB
work_mem = 64MB
max_wal_size = 16GB
wal_level = minimal
max_wal_senders = 0
`

// postgresBin finds the newest server programs that are installed.
func postgresBin() (string, error) {
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/postgres")
	if err == nil && len(found) > 0 {
		return filepath.Dir(found[len(found)-1]), nil
	}
	if path, err := exec.LookPath("postgres"); err == nil {
		return filepath.Dir(path), nil
	}
	return "", errNoPostgres
}

// openPostgres makes a cluster in a new folder and starts it. As root it runs as
// the user postgres, since it refuses to be root.
func (b *bench) openPostgres(ctx context.Context) (*postgres, error) {
	bin, err := postgresBin()
	if err != nil {
		return nil, err
	}
	p := &postgres{dir: filepath.Join(b.dir, "postgres"), bin: bin}
	if err := os.MkdirAll(p.dir, 0o700); err != nil {
		return nil, fmt.Errorf("make a cluster: %w", err)
	}
	if os.Getuid() == 0 {
		if p.run, err = credential("postgres"); err != nil {
			return nil, err
		}
		if err := os.Chown(p.dir, int(p.run.Uid), int(p.run.Gid)); err != nil {
			return nil, fmt.Errorf("make a cluster: %w", err)
		}
	}
	cluster := filepath.Join(p.dir, "cluster")
	if output, err := p.command(ctx, "initdb", "-D", cluster, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8").CombinedOutput(); err != nil {
		return nil, fmt.Errorf("initdb: %w\n%s", err, output)
	}
	settings, err := os.OpenFile(filepath.Join(cluster, "postgresql.conf"), os.O_APPEND|os.O_WRONLY, 0)
	if err == nil {
		_, err = settings.WriteString(postgresSettings)
		err = errors.Join(err, settings.Close())
	}
	if err != nil {
		return nil, fmt.Errorf("configure PostgreSQL: %w", err)
	}
	if p.process, err = start(b.ctx, b.dir, p.command(b.ctx, "postgres", "-D", cluster, "-k", p.dir)); err != nil {
		return nil, err
	}
	ready := func() bool { return p.command(ctx, "pg_isready", "-q", "-h", p.dir).Run() == nil }
	if err := p.process.await(ctx, ready); err != nil {
		p.close()
		return nil, err
	}
	return p, nil
}

func credential(name string) (*syscall.Credential, error) {
	found, err := user.Lookup(name)
	if err != nil {
		return nil, fmt.Errorf("find the user %s: %w", name, err)
	}
	id, idErr := strconv.ParseUint(found.Uid, 10, 32)
	group, groupErr := strconv.ParseUint(found.Gid, 10, 32)
	if err := errors.Join(idErr, groupErr); err != nil {
		return nil, fmt.Errorf("read the user %s: %w", name, err)
	}
	return &syscall.Credential{Uid: uint32(id), Gid: uint32(group)}, nil
}

func (p *postgres) command(ctx context.Context, name string, arguments ...string) *exec.Cmd {
	command := exec.CommandContext(ctx, filepath.Join(p.bin, name), arguments...) //nolint:gosec // a program of PostgreSQL's
	command.Dir = p.dir
	if p.run != nil {
		command.SysProcAttr = &syscall.SysProcAttr{Credential: p.run}
	}
	return command
}

// close stops the server at once and removes the cluster.
func (p *postgres) close() {
	if p.process != nil {
		p.process.end(syscall.SIGINT)
	}
	_ = os.RemoveAll(p.dir) // the whole folder goes at the end
}

// ask runs statements and returns what they print and how long each took.
func (p *postgres) ask(ctx context.Context, statements string) (string, []time.Duration, error) {
	command := p.command(ctx, "psql", "-h", p.dir, "-U", "postgres", "-X", "-A", "-t", "-q", "-v", "ON_ERROR_STOP=1")
	command.Stdin = strings.NewReader("\\timing on\n" + statements)
	output, err := command.CombinedOutput()
	if err != nil {
		return "", nil, fmt.Errorf("psql: %w\n%s", err, output)
	}
	var text strings.Builder
	var times []time.Duration
	for line := range strings.Lines(string(output)) {
		took, timed := strings.CutPrefix(line, "Time: ")
		if !timed {
			text.WriteString(line)
			continue
		}
		milliseconds, err := strconv.ParseFloat(strings.Fields(took)[0], 64)
		if err != nil {
			return "", nil, fmt.Errorf("read a time of psql: %w", err)
		}
		times = append(times, time.Duration(milliseconds*float64(time.Millisecond)))
	}
	return strings.TrimSpace(text.String()), times, nil
}

// load loads a plain list of people: COPY, then the primary key.
func (p *postgres) load(ctx context.Context, path string) (time.Duration, error) {
	_, times, err := p.ask(ctx, fmt.Sprintf(`DROP TABLE IF EXISTS contact;
BEGIN;
CREATE TABLE contact (number bigint NOT NULL, territory text, age_band text, gender text, commune text, income_band text);
COPY contact FROM '%s' WITH (FORMAT csv, HEADER true);
ALTER TABLE contact ADD PRIMARY KEY (number);
COMMIT;
`, path))
	if err != nil {
		return 0, err
	}
	var sum time.Duration
	for _, took := range times[1:] { // removing the last run's table is nobody's business
		sum += took
	}
	return sum, nil
}
