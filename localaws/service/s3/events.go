package s3

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"grocery/localaws/store"
	"grocery/localaws/wire"
)

// Event is a change of an object, in EventBridge's form:
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html.
type Event struct {
	ID         string
	Region     string
	Time       time.Time
	Resources  []string
	Source     string // aws.s3
	DetailType string // such as "Object Created"
	Detail     json.RawMessage
}

// events is the outbox: events that EventBridge does not have yet, in order.
// counter holds the number of the last one, which also is its sequencer.
var (
	events  = store.Table[Event]{Name: "s3.events"}
	counter = store.Table[uint64]{Name: "s3.counter"}
)

type detail struct {
	Version string `json:"version"`
	Bucket  struct {
		Name string `json:"name"`
	} `json:"bucket"`
	Object struct {
		Key       string `json:"key"`
		Size      *int64 `json:"size,omitempty"`
		ETag      string `json:"etag,omitempty"`
		VersionID string `json:"version-id,omitempty"`
		Sequencer string `json:"sequencer"`
	} `json:"object"`
	RequestID    string `json:"request-id"`
	Requester    string `json:"requester"`
	SourceIP     string `json:"source-ip-address"`
	Reason       string `json:"reason"`
	DeletionType string `json:"deletion-type,omitempty"`
}

// kind is what happened to an object.
type kind struct{ detailType, reason, deletionType string }

func created(reason string) kind              { return kind{"Object Created", reason, ""} }
func erased(reason, deletionType string) kind { return kind{"Object Deleted", reason, deletionType} }

// emit writes an event to the outbox, in the transaction of the change, if the
// bucket sends its events to EventBridge.
func (s *Service) emit(ctx context.Context, tx store.Tx, b *bucket, k kind, o *object) {
	if b.Notification == nil || b.Notification.EventBridgeConfiguration == nil {
		return
	}
	call := wire.CallFrom(ctx)
	d := detail{Version: "0", RequestID: call.RequestID, Requester: call.Account, SourceIP: call.SourceIP, Reason: k.reason, DeletionType: k.deletionType}
	if call.Principal.Service != "" {
		d.Requester = call.Principal.Service
	}
	d.Bucket.Name = b.Name
	n, _ := counter.Get(tx, "objects")
	n++
	counter.Put(tx, "objects", n)
	d.Object.Key, d.Object.Sequencer = o.Key, fmt.Sprintf("%018X", n)
	if b.Versioning != "" {
		d.Object.VersionID = o.Version
	}
	d.Object.ETag = o.ETag
	if k.deletionType == "" {
		d.Object.Size = &o.Size
	}
	raw, err := json.Marshal(d)
	if err != nil {
		panic(err) // strings and numbers only
	}
	events.Put(tx, fmt.Sprintf("%020d", n), Event{
		ID: wire.NewRequestID(), Region: b.Region, Time: s.d.Clock.Now(), Resources: []string{"arn:" + wire.Partition + ":s3:::" + b.Name},
		Source: "aws.s3", DetailType: k.detailType, Detail: raw,
	})
}

// publishEvents hands the outbox's events over, oldest first; one that was
// delivered leaves the outbox. An event may be delivered twice after a crash,
// as on AWS, never lost.
func (s *Service) publishEvents(ctx context.Context) error {
	if s.d.Publish == nil {
		return nil // they wait for a cloud that has EventBridge
	}
	type item struct {
		key string
		e   Event
	}
	var all []item
	err := s.d.Store.View(func(tx store.Tx) error {
		events.Each(tx, "", func(key string, e Event) bool { all = append(all, item{key, e}); return ctx.Err() == nil })
		return nil
	})
	if err != nil {
		return err
	}
	for _, x := range all {
		if err := s.d.Publish(ctx, x.e); err != nil {
			return fmt.Errorf("deliver event %s to EventBridge: %w", x.e.ID, err)
		}
		if err := s.d.Store.Update(func(tx store.Tx) error { events.Delete(tx, x.key); return nil }); err != nil {
			return err
		}
	}
	return nil
}
