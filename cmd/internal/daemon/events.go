package daemon

import (
	"runtime/debug"
	"strings"
)

// The daemon's own log events; those of the dialer stand in package dialer.
const (
	eventStarted           = "daemon.started"
	eventStopped           = "daemon.stopped"
	eventSignal            = "daemon.signal"
	eventLingering         = "daemon.lingering"
	eventPackReloaded      = "pack.reloaded"
	eventPackKept          = "pack.kept"
	eventBackup            = "store.backup"
	eventToldAgain         = "queue.told_again"
	eventReport            = "report.released"
	eventReportReread      = "report.reread"
	eventReportDamaged     = "report.damaged"
	eventReportUnpublished = "report.unpublished"
	eventErased            = "directory.erased"
	eventErasureDelayed    = "directory.erasure_delayed"
)

// version is the build's version with its commit.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	text := info.Main.Version
	for _, setting := range info.Settings {
		if setting.Key == "vcs.revision" && !strings.Contains(text, setting.Value[:min(12, len(setting.Value))]) {
			text += "+" + setting.Value[:min(12, len(setting.Value))]
		}
	}
	return text
}
