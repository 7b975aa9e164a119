package ec2

import (
	"context"
	"encoding/base64"
	"errors"

	"grocery/localaws/runtime"
	"grocery/localaws/service/internal/ptr"
	"grocery/localaws/wire"
	"grocery/localaws/wire/api/ec2api"
)

// change applies f to instances, all or none, and tells the states before and after.
func (s *Service) change(ctx context.Context, ids []string, f func(t *tx, i *instance) error) (all []ec2api.InstanceStateChange, err error) {
	if len(ids) == 0 {
		return nil, wire.Errorf(400, "MissingParameter", "The request must contain the parameter InstanceId")
	}
	err = s.update(ctx, func(t *tx) error {
		for _, id := range ids {
			i, err := instances.get(t, id)
			if err != nil {
				return err
			}
			before := i.State
			if err := f(t, &i); err != nil {
				return err
			}
			all = append(all, ec2api.InstanceStateChange{InstanceId: new(id), PreviousState: shownState(before), CurrentState: shownState(i.State)})
		}
		return nil
	})
	return all, err
}

func badState(i *instance) error {
	return wire.Errorf(400, "IncorrectInstanceState", "The instance '%s' is not in a state from which it can be changed like this: it is %s.", i.ID, i.State)
}

func (s *Service) startInstances(ctx context.Context, in *ec2api.StartInstancesInput) (*ec2api.StartInstancesOutput, error) {
	all, err := s.change(ctx, in.InstanceIds, func(t *tx, i *instance) error {
		switch i.State {
		case stopped:
			i.Launched = t.now
			t.turn(i, pending, "", "")
			return t.renewPublicAddress(i, true)
		case pending, running:
			return nil
		}
		return badState(i)
	})
	return &ec2api.StartInstancesOutput{StartingInstances: all}, err
}

// renewPublicAddress gives a starting instance a new public address, or takes
// a stopped one's away: only an elastic address stays.
func (t *tx) renewPublicAddress(i *instance, on bool) error {
	n, ok := t.primaryInterface(i.ID)
	if !ok {
		return nil
	}
	sub, err := subnets.get(t, n.Subnet)
	if err != nil {
		return err
	}
	if _, elastic := t.elastic(n.ID); on && !elastic && *sub.MapPublicIpOnLaunch {
		if n.PublicIP, err = t.freePublicAddress(); err != nil {
			return err
		}
	}
	if !on {
		n.PublicIP = ""
	}
	interfaces.put(t, n)
	return nil
}

func (s *Service) stopInstances(ctx context.Context, in *ec2api.StopInstancesInput) (*ec2api.StopInstancesOutput, error) {
	all, err := s.change(ctx, in.InstanceIds, func(t *tx, i *instance) error {
		switch {
		case i.State == stopping || i.State == stopped:
			return nil
		case i.State != running:
			return badState(i)
		case i.KeepRunning:
			return wire.Errorf(400, "OperationNotPermitted", "The instance '%s' may not be stopped. Modify its 'disableApiStop' instance attribute and try again.", i.ID)
		}
		t.turn(i, stopping, "Client.UserInitiatedShutdown", "User initiated shutdown")
		return nil
	})
	return &ec2api.StopInstancesOutput{StoppingInstances: all}, err
}

func (s *Service) rebootInstances(ctx context.Context, in *ec2api.RebootInstancesInput) (*ec2api.RebootInstancesOutput, error) {
	_, err := s.change(ctx, in.InstanceIds, func(t *tx, i *instance) error {
		if i.State != running {
			return badState(i)
		}
		i.Reboot = true
		instances.put(t, *i)
		return nil
	})
	return nil, err
}

func (s *Service) terminateInstances(ctx context.Context, in *ec2api.TerminateInstancesInput) (*ec2api.TerminateInstancesOutput, error) {
	all, err := s.change(ctx, in.InstanceIds, func(t *tx, i *instance) error {
		if !i.alive() {
			return nil
		}
		if i.Protected && t.Principal.Service == "" {
			return wire.Errorf(400, "OperationNotPermitted", "The instance '%s' may not be terminated. Modify its 'disableApiTermination' instance attribute and try again.", i.ID)
		}
		t.turn(i, shuttingDown, "Client.UserInitiatedShutdown", "User initiated shutdown")
		return nil
	})
	return &ec2api.TerminateInstancesOutput{TerminatingInstances: all}, err
}

// consoleBytes is how much of its end the console shows.
const consoleBytes = 64 << 10

func (s *Service) getConsoleOutput(ctx context.Context, in *ec2api.GetConsoleOutputInput) (*ec2api.GetConsoleOutputOutput, error) {
	if err := s.view(ctx, func(t *tx) error { _, err := instances.get(t, ptr.Val(in.InstanceId)); return err }); err != nil {
		return nil, err
	}
	log, err := s.d.Runtime.Logs(ctx, *in.InstanceId, 0)
	if err != nil && !errors.Is(err, runtime.ErrNotFound) {
		return nil, err
	}
	if len(log) > consoleBytes {
		log = log[len(log)-consoleBytes:]
	}
	return &ec2api.GetConsoleOutputOutput{
		InstanceId: in.InstanceId, Timestamp: new(s.d.Clock.Now()), Output: new(base64.StdEncoding.EncodeToString(log)),
	}, nil
}
