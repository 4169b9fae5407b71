package daemon

import (
	"crypto/x509"

	"github.com/hustings/hustings/configs"
	"github.com/hustings/hustings/dialer"
	"github.com/hustings/hustings/queue"
)

// Seams are where a program of the tests may stand between the daemon's parts:
// to die there, or to connect them otherwise. dialerd has nothing in them.
type Seams struct {
	// Config may change what the configuration says.
	Config func(*configs.Config)
	// Dialer may wrap what the dialer works with.
	Dialer func(*dialer.Options)
	// Jobs may wrap what takes jobs from the queue.
	Jobs func(queue.JobHandler) queue.JobHandler
	// Trust are the certificates by which a party's server is known, nil for the
	// system's.
	Trust *x509.CertPool
	// Release is called after each step of a report's release.
	Release func(step string)
}

func (s Seams) release(step string) {
	if s.Release != nil {
		s.Release(step)
	}
}

func (s Seams) config(config *configs.Config) {
	if s.Config != nil {
		s.Config(config)
	}
}

func (s Seams) dialer(options *dialer.Options) {
	if s.Dialer != nil {
		s.Dialer(options)
	}
}

func (s Seams) jobs(handler queue.JobHandler) queue.JobHandler {
	if s.Jobs != nil {
		return s.Jobs(handler)
	}
	return handler
}
