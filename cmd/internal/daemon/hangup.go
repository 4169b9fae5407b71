package daemon

import (
	"context"
	"crypto/sha256"
	"maps"
	"os"
	"os/signal"
	"slices"
	"syscall"

	"github.com/rs/zerolog"

	"github.com/hustings/hustings/configs"
	"github.com/hustings/hustings/dialer"
)

// written is what people wrote, as it was at the start.
type written struct {
	// read reads the configuration anew, as the command line says; nil where there
	// is none to read.
	read func() (*configs.Config, error)
	// sums are those of the files that the configuration names, by their keys.
	sums map[string][sha256.Size]byte
}

// remember takes down what the files say now. One that cannot be read is told by
// whoever needs it.
func (w *written) remember(config *configs.Config) {
	w.sums = map[string][sha256.Size]byte{}
	for key, path := range config.Files() {
		if content, err := os.ReadFile(path); err == nil {
			w.sums[key] = sha256.Sum256(content)
		}
	}
}

// changed returns the keys of the files that say something else now.
func (w *written) changed(config *configs.Config) []string {
	now := written{}
	now.remember(config)
	return slices.DeleteFunc(slices.Sorted(maps.Keys(config.Files())), func(key string) bool { return now.sums[key] == w.sums[key] })
}

// followHangups reads what people wrote anew at every SIGHUP.
func (d *Daemon) followHangups(ctx context.Context) error {
	hangups := make(chan os.Signal, 1)
	signal.Notify(hangups, syscall.SIGHUP)
	defer signal.Stop(hangups)
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-hangups:
			d.log.Info().Str(dialer.FieldEvent, eventSignal).Stringer("signal", syscall.SIGHUP).Send()
			_, _ = d.useNewPack(ctx, "SIGHUP") // the log tells
			d.useNewConfig()
		}
	}
}

// useNewConfig reads the configuration anew and does what it says of the log. For
// all else the daemon was built at the start: what has changed there is told, and
// holds from the next one on. Where anything in it is wrong nothing is changed.
func (d *Daemon) useNewConfig() {
	if d.written.read == nil {
		return
	}
	config, err := d.written.read()
	if err != nil {
		d.log.Error().Str(dialer.FieldEvent, eventConfigKept).Err(err).Send()
		return
	}
	level, err := parseLevel(config.Log.Level)
	if err != nil {
		d.log.Error().Str(dialer.FieldEvent, eventConfigKept).Err(err).Send()
		return
	}
	d.threshold.set(level)
	d.threshold.configured.Store(int32(level))
	waiting := slices.DeleteFunc(d.config.Changes(config), func(key string) bool { return key == "log.level" })
	for _, key := range d.written.changed(d.config) {
		if !slices.Contains(waiting, key) {
			waiting = append(waiting, key)
		}
	}
	told := zerolog.InfoLevel
	if len(waiting) > 0 {
		told = zerolog.WarnLevel
	}
	// Told at the level that is there now, or nobody would know.
	d.log.WithLevel(max(level, told)).Str(dialer.FieldEvent, eventConfigReloaded).Stringer("log_level", level).Strs("needs_restart", waiting).Send()
}
