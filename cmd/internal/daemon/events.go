package daemon

// The daemon's own log events; those of the dialer stand in package dialer.
const (
	eventStarted           = "daemon.started"
	eventStopped           = "daemon.stopped"
	eventSignal            = "daemon.signal"
	eventSupervisor        = "daemon.supervisor"
	eventLogLevel          = "daemon.log_level"
	eventLingering         = "daemon.lingering"
	eventSuppressed        = "log.suppressed"
	eventHandlerPanic      = "http.panic"
	eventConfigReloaded    = "config.reloaded"
	eventConfigKept        = "config.kept"
	eventPackReloaded      = "pack.reloaded"
	eventPackKept          = "pack.kept"
	eventCheckpointFailed  = "audit.checkpoint_failed"
	eventAuditWentBack     = "audit.went_back"
	eventBackup            = "store.backup"
	eventToldAgain         = "queue.told_again"
	eventReport            = "report.released"
	eventReportPushed      = "report.pushed"
	eventReportServed      = "report.served"
	eventReportReread      = "report.reread"
	eventReportDamaged     = "report.damaged"
	eventReportUnpublished = "report.unpublished"
	eventErased            = "directory.erased"
	eventErasureDelayed    = "directory.erasure_delayed"
)
