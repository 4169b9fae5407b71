package daemon

import (
	"context"
	"strings"
	"time"

	systemd "github.com/coreos/go-systemd/v22/daemon"

	"github.com/hustings/hustings/dialer"
)

// What systemd is told goes to the socket that it names in the environment. Where
// there is none nobody is told, and that is no error: sd_notify(3).

// tellSupervisor says that the daemon works, and what it waits for, until ctx ends;
// then, that it stops. A daemon that waits for NATS or for its clock is at work:
// it hears opt-outs, and starting it again would not help.
func (d *Daemon) tellSupervisor(ctx context.Context) error {
	d.notify(systemd.SdNotifyReady)
	defer d.notify(systemd.SdNotifyStopping)
	said := ""
	return everyReal(ctx, time.Second, func() error {
		status := "STATUS=dialling is allowed"
		if waiting := d.waiting(); len(waiting) > 0 {
			status = "STATUS=nothing is dialled: " + strings.Join(waiting, "; ")
		}
		if status != said {
			d.notify(status)
			said = status
		}
		return nil
	})
}

// feedWatchdog shows the supervisor's watchdog that nothing in here hangs: it asks
// the ledger and the dialer first, and a daemon that gets no answer is started
// again by whoever watches it.
func (d *Daemon) feedWatchdog(ctx context.Context) error {
	patience, err := systemd.SdWatchdogEnabled(false)
	if err != nil {
		d.log.Warn().Str(dialer.FieldEvent, eventSupervisor).Err(err).Send()
	}
	if patience == 0 {
		return nil
	}
	return everyReal(ctx, patience/3, func() error {
		if _, err := d.dialer.Vitals(); err != nil {
			return nil //nolint:nilerr // the watchdog goes hungry, and that is what tells
		}
		d.notify(systemd.SdNotifyWatchdog)
		return nil
	})
}

func (d *Daemon) notify(state string) {
	if _, err := systemd.SdNotify(false, state); err != nil {
		d.log.Warn().Str(dialer.FieldEvent, eventSupervisor).Err(err).Send()
	}
}
