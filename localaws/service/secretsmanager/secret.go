package secretsmanager

import (
	"context"
	"crypto/rand"
	"maps"
	"slices"
	"strings"
	"time"

	"grocery/localaws/store"
	"grocery/localaws/wire"
	api "grocery/localaws/wire/api/secretsmanagerapi"
)

// The staging labels AWS moves by itself.
// See https://docs.aws.amazon.com/secretsmanager/latest/userguide/getting-started.html#term_version.
const (
	current  = "AWSCURRENT"
	previous = "AWSPREVIOUS"
	pending  = "AWSPENDING"
)

// secret is one secret with all its versions.
type secret struct {
	ARN         string            `json:"arn"`
	Name        string            `json:"name"`
	Region      string            `json:"region"`
	Description string            `json:"description,omitempty"`
	KMSKey      string            `json:"kms_key,omitempty"`
	Tags        map[string]string `json:"tags,omitempty"`
	Policy      string            `json:"policy,omitempty"`
	Created     time.Time         `json:"created"`
	Changed     time.Time         `json:"changed"`
	Accessed    *time.Time        `json:"accessed,omitempty"` // the day, as on AWS
	Deleted     *time.Time        `json:"deleted,omitempty"`  // when the recovery window ends
	Versions    []version         `json:"versions,omitempty"` // oldest first
}

// version is one value of a secret.
type version struct {
	ID       string     `json:"id"`
	Created  time.Time  `json:"created"`
	Accessed *time.Time `json:"accessed,omitempty"`
	Stages   []string   `json:"stages,omitempty"`
	Binary   bool       `json:"binary,omitempty"`
	Sealed   []byte     `json:"sealed"`
}

var secrets = store.Table[secret]{Name: "secretsmanager_secrets"}

func (x *secret) key() string { return store.Key(x.Region, x.Name) }

// place binds a sealed value to its secret and version.
func (x *secret) place(versionID string) string { return "secret " + x.ARN + " " + versionID }

func (x *secret) byID(id string) *version {
	for i := range x.Versions {
		if x.Versions[i].ID == id {
			return &x.Versions[i]
		}
	}
	return nil
}

func (x *secret) byStage(stage string) *version {
	for i := range x.Versions {
		if slices.Contains(x.Versions[i].Stages, stage) {
			return &x.Versions[i]
		}
	}
	return nil
}

// move attaches stage to the version to and takes it from any other. The
// version that loses AWSCURRENT becomes AWSPREVIOUS.
func (x *secret) move(stage, to string) {
	for i := range x.Versions {
		v := &x.Versions[i]
		if v.ID == to {
			if !slices.Contains(v.Stages, stage) {
				v.Stages = append(v.Stages, stage)
			}
			continue
		}
		if j := slices.Index(v.Stages, stage); j >= 0 {
			v.Stages = slices.Delete(v.Stages, j, j+1)
			if stage == current {
				defer x.move(previous, v.ID)
			}
		}
	}
	if stage == current { // a version cannot be its own predecessor
		if v := x.byID(to); v != nil {
			v.Stages = slices.DeleteFunc(v.Stages, func(s string) bool { return s == previous })
		}
	}
}

// trim drops the oldest versions without a label beyond AWS's limit of 100.
func (x *secret) trim() {
	for over := len(x.Versions) - 100; over > 0; over-- {
		i := slices.IndexFunc(x.Versions, func(v version) bool { return len(v.Stages) == 0 })
		if i < 0 {
			return
		}
		x.Versions = slices.Delete(x.Versions, i, i+1)
	}
}

// stages maps the ids of labelled versions to their labels.
func (x *secret) stages() map[string][]string {
	all := map[string][]string{}
	for _, v := range x.Versions {
		if len(v.Stages) > 0 {
			all[v.ID] = v.Stages
		}
	}
	return all
}

func (x *secret) tags() []api.Tag {
	var all []api.Tag
	for _, k := range slices.Sorted(maps.Keys(x.Tags)) {
		all = append(all, api.Tag{Key: new(k), Value: new(x.Tags[k])})
	}
	return all
}

var errNotFound = wire.Errorf(400, "ResourceNotFoundException", "Secrets Manager can't find the specified secret.")

// find returns the secret that id names: its name, its ARN, or its ARN without
// the six characters AWS appends.
func find(tx store.Tx, region, id string) (secret, error) {
	if name, ok := strings.CutPrefix(id, "arn:"); ok {
		part := strings.SplitN(name, ":", 6)
		if len(part) != 6 || part[1] != "secretsmanager" || part[4] != "secret" {
			return secret{}, wire.Errorf(400, "ValidationException", "Invalid ARN: %s", id)
		}
		if part[2] != region {
			return secret{}, errNotFound
		}
		name = part[5]
		if i := len(name) - 7; i > 0 && name[i] == '-' {
			if x, ok := secrets.Get(tx, store.Key(region, name[:i])); ok && x.ARN == id {
				return x, nil
			}
		}
		if x, ok := secrets.Get(tx, store.Key(region, name)); ok {
			return x, nil
		}
		return secret{}, errNotFound
	}
	if x, ok := secrets.Get(tx, store.Key(region, id)); ok {
		return x, nil
	}
	return secret{}, errNotFound
}

// view runs f with the secret id, in the call's region.
func (s *Service) view(ctx context.Context, id string, f func(x *secret) error) error {
	return s.d.Store.View(func(tx store.Tx) error {
		x, err := find(tx, wire.CallFrom(ctx).Region, id)
		if err != nil {
			return err
		}
		return f(&x)
	})
}

// edit runs f with the secret id and stores what f made of it. A secret that
// waits for its deletion is refused unless deletedToo.
func (s *Service) edit(ctx context.Context, id string, deletedToo bool, f func(x *secret) error) error {
	return s.d.Store.Update(func(tx store.Tx) error {
		x, err := find(tx, wire.CallFrom(ctx).Region, id)
		if err != nil {
			return err
		}
		if x.Deleted != nil && !deletedToo {
			return errDeleted
		}
		if err := f(&x); err != nil {
			return err
		}
		secrets.Put(tx, x.key(), x)
		return nil
	})
}

var errDeleted = wire.Errorf(400, "InvalidRequestException", "You can't perform this operation on the secret because it was marked for deletion.")

const alphanumeric = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

// suffix makes the random end of a secret's ARN.
func suffix() string {
	b := make([]byte, 6)
	for i := range b {
		b[i] = alphanumeric[pick(len(alphanumeric))]
	}
	return string(b)
}

// pick returns a random number below n, each as likely as any other (n <= 256).
func pick(n int) int {
	var b [1]byte
	for {
		rand.Read(b[:])
		if int(b[0]) < 256/n*n {
			return int(b[0]) % n
		}
	}
}
