package ecr

import (
	"slices"
	"strings"
	"time"

	"grocery/localaws/store"
	"grocery/localaws/wire"
)

// The tables. A repository's name holds slashes, so keys are joined with "|".
var (
	repositories = store.Table[repository]{Name: "ecr.repositories"} // region|name
	images       = store.Table[image]{Name: "ecr.images"}            // region|name|digest
	layers       = store.Table[layer]{Name: "ecr.layers"}            // region|name|digest
	contents     = store.Table[content]{Name: "ecr.contents"}        // digest
	tokens       = store.Table[token]{Name: "ecr.tokens"}            // hash of the password
	registries   = store.Table[registry]{Name: "ecr.registries"}     // region
	secrets      = store.Table[[]byte]{Name: "ecr.secrets"}
)

func key(parts ...string) string { return strings.Join(parts, "|") }

// repository is one repository of a region.
type repository struct {
	Region, Name string
	Created      time.Time
	Mutability   string
	ScanOnPush   bool
	Tags         map[string]string
	Policy       string
	Lifecycle    string
	Evaluated    time.Time // when the lifecycle policy was last applied
}

func (r repository) arn() string {
	return "arn:" + wire.Partition + ":ecr:" + r.Region + ":" + wire.Account + ":repository/" + r.Name
}

func (r repository) uri() string { return Host(r.Region) + "/" + r.Name }

// prefix is what the keys of the repository's images and layers begin with.
func (r repository) prefix() string { return key(r.Region, r.Name) + "|" }

// image is one manifest of a repository.
type image struct {
	Region, Repository string
	Digest             string
	MediaType          string
	ArtifactType       string
	Manifest           []byte
	Size               int64 // of what it refers to, as AWS counts it
	Tags               []string
	Pushed             time.Time
	Pulled             time.Time
	Layers             []string // digests of its config and layers
	Children           []string // digests of the manifests an index lists
	Subject            string   // digest of the image it is about
	Annotations        map[string]string
}

func (i image) key() string { return key(i.Region, i.Repository, i.Digest) }

// layer says that a repository has a layer.
type layer struct {
	Digest string
	Size   int64
	Added  time.Time
}

// content is where a digest's bytes are. Repositories share contents.
type content struct {
	Blob string
	Size int64
}

// token is a registry password that was given out.
type token struct {
	Principal wire.Principal
	Expires   time.Time
}

// registry is what a region's registry is set to.
type registry struct {
	Policy string
	Rules  []scanRule
}

type scanRule struct {
	Frequency string
	Filters   []string // wildcards
}

// Host is the name of a region's registry.
func Host(region string) string {
	return wire.Account + ".dkr.ecr." + region + ".amazonaws.com"
}

// RegionOf returns the region of a registry's host name.
func RegionOf(host string) (region string, ok bool) {
	rest, ok := strings.CutPrefix(host, wire.Account+".dkr.ecr.")
	region, ok2 := strings.CutSuffix(rest, ".amazonaws.com")
	return region, ok && ok2 && region != "" && !strings.Contains(region, ".")
}

func errRepository(name string) error {
	return wire.Errorf(400, "RepositoryNotFoundException", "The repository with name '%s' does not exist in the registry with id '%s'", name, wire.Account)
}

// findRepository reads a repository. registryID, when given, must be this account's.
func findRepository(tx store.Tx, region string, registryID, name *string) (repository, error) {
	if registryID != nil && *registryID != wire.Account {
		return repository{}, errRepository(*name)
	}
	r, ok := repositories.Get(tx, key(region, *name))
	if !ok {
		return r, errRepository(*name)
	}
	return r, nil
}

// imagesOf lists a repository's images, youngest first.
func imagesOf(tx store.Tx, r repository) []image {
	all := images.List(tx, r.prefix())
	slices.SortStableFunc(all, func(a, b image) int { return b.Pushed.Compare(a.Pushed) })
	return all
}

// tagged finds the image that has a tag.
func tagged(tx store.Tx, r repository, tag string) (found image, ok bool) {
	images.Each(tx, r.prefix(), func(_ string, i image) bool {
		if slices.Contains(i.Tags, tag) {
			found, ok = i, true
		}
		return !ok
	})
	return found, ok
}

// dropLayers removes the layers for which drop answers true, and the contents
// nobody has any more. It returns the blobs to delete once tx is committed.
func dropLayers(tx store.Tx, prefix string, drop func(key string, l layer) bool) (blobs []string) {
	var gone []string
	digests := map[string]bool{}
	layers.Each(tx, prefix, func(k string, l layer) bool {
		if drop(k, l) {
			gone, digests[l.Digest] = append(gone, k), true
		}
		return true
	})
	if len(gone) == 0 {
		return nil
	}
	for _, k := range gone {
		layers.Delete(tx, k)
	}
	layers.Each(tx, "", func(_ string, l layer) bool { delete(digests, l.Digest); return true })
	for d := range digests {
		if c, ok := contents.Get(tx, d); ok {
			blobs = append(blobs, c.Blob)
			contents.Delete(tx, d)
		}
	}
	return blobs
}

// remove deletes blobs that no record names any more. One that stays is
// garbage for the next Sweep.
func (s *Service) remove(blobs []string) {
	for _, b := range blobs {
		if err := s.d.Blobs.Delete(b); err != nil {
			s.d.Log.Warn("remove a layer's content", "blob", b, "error", err)
		}
	}
}
