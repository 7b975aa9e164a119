package localaws

import (
	"grocery/localaws/service/iam/access"
	"grocery/localaws/wire"
)

// Registry is the way past the network to c's operations, with their checks.
func Registry(c *Cloud) *wire.Registry { return c.registry }

// Access is what decides over c's calls.
func Access(c *Cloud) *access.Access { return c.access }
