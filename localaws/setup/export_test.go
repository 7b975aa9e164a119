package setup

// For tests.
var (
	PickNginx      = pickNginx
	ComposeVersion = composeVersion
	GuestSource    = guestSource
	Record         = record
	StartedByUs    = startedByUs
)
