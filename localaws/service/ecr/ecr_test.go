package ecr_test

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	aws "github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/aws/aws-sdk-go-v2/service/ecr/types"
	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"

	"grocery/localaws/service/ecr"
	"grocery/localaws/service/internal/apitest"
	"grocery/localaws/store"
)

type world struct {
	*aws.Client
	t       *testing.T
	clock   *apitest.Clock
	store   store.Store
	blobs   *store.Blobs
	service *ecr.Service
	server  *httptest.Server
}

func newWorld(t *testing.T) *world {
	blobs, err := store.OpenBlobs(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, clock: apitest.NewClock(), store: store.NewMemory(), blobs: blobs}
	w.start()
	return w
}

// start starts the service, as at the begin or after a restart.
func (w *world) start() {
	r := apitest.Registry()
	w.service = ecr.New(ecr.Deps{Store: w.store, Clock: w.clock, Blobs: w.blobs, Calls: r, Log: slog.New(slog.DiscardHandler)})
	if err := w.service.Sweep(); err != nil {
		w.t.Fatal(err)
	}
	w.service.Register(r)
	w.Client = aws.NewFromConfig(apitest.Serve(w.t, r))
	w.server = httptest.NewServer(w.service.Handler())
	w.t.Cleanup(w.server.Close)
}

func (w *world) turn() {
	w.t.Helper()
	for _, l := range w.service.Loops() {
		if err := l.Run(w.t.Context()); err != nil {
			w.t.Fatal(err)
		}
	}
}

func must[T any](v T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func (w *world) repository(repo string, mutability types.ImageTagMutability) {
	w.t.Helper()
	must(w.CreateRepository(w.t.Context(), &aws.CreateRepositoryInput{RepositoryName: &repo, ImageTagMutability: mutability}))(w.t)
}

// login returns what a registry client is told: where the registry is and with
// which password.
func (w *world) login() []remote.Option {
	w.t.Helper()
	out := must(w.GetAuthorizationToken(w.t.Context(), &aws.GetAuthorizationTokenInput{}))(w.t)
	raw := must(base64.StdEncoding.DecodeString(*out.AuthorizationData[0].AuthorizationToken))(w.t)
	user, password, _ := strings.Cut(string(raw), ":")
	return []remote.Option{remote.WithAuth(&authn.Basic{Username: user, Password: password}), w.transport()}
}

// transport leads every host to the test's registry.
func (w *world) transport() remote.Option {
	return remote.WithTransport(&http.Transport{DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, network, w.server.Listener.Addr().String())
	}})
}

func ref(t *testing.T, rest string) name.Reference {
	t.Helper()
	return must(name.ParseReference(ecr.Host(apitest.Region)+"/"+rest, name.Insecure))(t)
}

func image(t *testing.T) v1.Image { t.Helper(); return must(random.Image(4<<10, 2))(t) }

func digest(t *testing.T, i interface{ Digest() (v1.Hash, error) }) string {
	t.Helper()
	return must(i.Digest())(t).String()
}

// code is the registry's code in err; an answer without a body has its status only.
func code(err error) string {
	if e, ok := errors.AsType[*transport.Error](err); ok {
		if len(e.Errors) > 0 {
			return string(e.Errors[0].Code)
		}
		return fmt.Sprint(e.StatusCode)
	}
	return ""
}

func TestAnImageComesBackAsItWasPushed(t *testing.T) {
	w := newWorld(t)
	w.repository("grocery-app", types.ImageTagMutabilityMutable)
	as, i := w.login(), image(t)
	if err := remote.Write(ref(t, "grocery-app:backend-1"), i, as...); err != nil {
		t.Fatal(err)
	}
	w.start() // it is durable
	got := must(remote.Image(ref(t, "grocery-app:backend-1"), as...))(t)
	if digest(t, got) != digest(t, i) {
		t.Error("another image came back")
	}
	for _, l := range must(got.Layers())(t) {
		r := must(l.Compressed())(t)
		if _, err := io.ReadAll(r); err != nil { // checks the digest
			t.Error(err)
		}
	}
	d := must(w.DescribeImages(t.Context(), &aws.DescribeImagesInput{RepositoryName: new("grocery-app"), ImageIds: []types.ImageIdentifier{{ImageTag: new("backend-1")}}}))(t).ImageDetails[0]
	if *d.ImageDigest != digest(t, i) || d.ImageTags[0] != "backend-1" || *d.ImageSizeInBytes < 8<<10 || d.ImageScanStatus != nil {
		t.Errorf("it is described as %+v", d)
	}
	if err := remote.Write(ref(t, "grocery-app:backend-1"), i, as...); err != nil {
		t.Errorf("pushing the same again: %v", err)
	}
}

func TestAnImmutableTagStays(t *testing.T) {
	w := newWorld(t)
	w.repository("grocery-app", types.ImageTagMutabilityImmutable)
	as, first := w.login(), image(t)
	if err := remote.Write(ref(t, "grocery-app:v1"), first, as...); err != nil {
		t.Fatal(err)
	}
	err := remote.Write(ref(t, "grocery-app:v1"), image(t), as...)
	if code(err) != "TAG_INVALID" || !strings.Contains(err.Error(), "cannot be overwritten because the repository is immutable") {
		t.Errorf("got %v", err)
	}
	if got := must(remote.Head(ref(t, "grocery-app:v1"), as...))(t); got.Digest.String() != digest(t, first) {
		t.Error("the tag moved")
	}
}

func TestARollingTagMovesByUntaggingAndPuttingTheManifestAgain(t *testing.T) {
	w := newWorld(t)
	w.repository("grocery-app", types.ImageTagMutabilityImmutable)
	as := w.login()
	one, two := image(t), image(t)
	for tag, i := range map[string]v1.Image{"backend-1": one, "backend-2": two, "backend-latest": one} {
		if err := remote.Write(ref(t, "grocery-app:"+tag), i, as...); err != nil {
			t.Fatal(err)
		}
	}
	must(w.BatchDeleteImage(t.Context(), &aws.BatchDeleteImageInput{RepositoryName: new("grocery-app"), ImageIds: []types.ImageIdentifier{{ImageTag: new("backend-latest")}}}))(t)
	got := must(w.BatchGetImage(t.Context(), &aws.BatchGetImageInput{RepositoryName: new("grocery-app"), ImageIds: []types.ImageIdentifier{{ImageTag: new("backend-2")}}}))(t).Images[0]
	must(w.PutImage(t.Context(), &aws.PutImageInput{RepositoryName: new("grocery-app"), ImageManifest: got.ImageManifest, ImageManifestMediaType: got.ImageManifestMediaType, ImageTag: new("backend-latest")}))(t)
	if d := must(remote.Head(ref(t, "grocery-app:backend-latest"), as...))(t); d.Digest.String() != digest(t, two) {
		t.Error("the rolling tag is at the wrong image")
	}
	must(remote.Head(ref(t, "grocery-app:backend-1"), as...))(t) // untagging one tag leaves the other
}

func TestAnIndexOfPlatformsIsPushedAndPulled(t *testing.T) {
	w := newWorld(t)
	w.repository("multi", types.ImageTagMutabilityMutable)
	as := w.login()
	index := must(random.Index(1<<10, 1, 2))(t)
	if err := remote.WriteIndex(ref(t, "multi:all"), index, as...); err != nil {
		t.Fatal(err)
	}
	got := must(remote.Index(ref(t, "multi:all"), as...))(t)
	if digest(t, got) != digest(t, index) {
		t.Error("another index came back")
	}
	child := must(index.IndexManifest())(t).Manifests[0].Digest.String()
	out := must(w.BatchDeleteImage(t.Context(), &aws.BatchDeleteImageInput{RepositoryName: new("multi"), ImageIds: []types.ImageIdentifier{{ImageDigest: &child}}}))(t)
	if len(out.Failures) != 1 || out.Failures[0].FailureCode != types.ImageFailureCodeImageReferencedByManifestList {
		t.Errorf("an image that an index lists was deleted: %+v", out)
	}
}

func TestReferrersAreListed(t *testing.T) {
	w := newWorld(t)
	w.repository("signed", types.ImageTagMutabilityMutable)
	as, i := w.login(), image(t)
	if err := remote.Write(ref(t, "signed:v1"), i, as...); err != nil {
		t.Fatal(err)
	}
	d := must(remote.Head(ref(t, "signed:v1"), as...))(t)
	signature := mutate.Subject(mutate.MediaType(image(t), "application/vnd.oci.image.manifest.v1+json"), *d).(v1.Image)
	if err := remote.Write(ref(t, "signed:sig"), signature, as...); err != nil {
		t.Fatal(err)
	}
	list := must(remote.Referrers(ref(t, "signed").Context().Digest(d.Digest.String()), as...))(t)
	if m := must(list.IndexManifest())(t).Manifests; len(m) != 1 || m[0].Digest.String() != digest(t, signature) {
		t.Errorf("got %+v", m)
	}
}

func TestWhoMayUseTheRegistry(t *testing.T) {
	w := newWorld(t)
	w.repository("grocery-app", types.ImageTagMutabilityMutable)
	old := w.login()
	w.clock.Advance(13 * time.Hour)
	fresh := w.login()
	for _, c := range []struct {
		name, repo string
		as         []remote.Option
		want       string
	}{
		{"a client without a password is asked for one", "grocery-app", []remote.Option{w.transport()}, "401"},
		{"a wrong password is refused", "grocery-app", []remote.Option{w.transport(), remote.WithAuth(&authn.Basic{Username: "AWS", Password: "no"})}, "403"},
		{"a password holds for 12 hours", "grocery-app", old, "403"},
		{"a repository must exist", "other", fresh, "NAME_UNKNOWN"},
		{"a new password is good", "grocery-app", fresh, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := code(remote.Write(ref(t, c.repo+":v1"), image(t), c.as...)); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
	r := must(http.NewRequest("GET", w.server.URL+"/v2/", nil))(t)
	r.Host = ecr.Host(apitest.Region)
	resp := must(http.DefaultClient.Do(r))(t)
	defer resp.Body.Close()
	if h := resp.Header.Get("WWW-Authenticate"); resp.StatusCode != 401 || !strings.HasPrefix(h, `Basic realm="https://`+ecr.Host(apitest.Region)) {
		t.Errorf("got %d %q", resp.StatusCode, h)
	}
}

func TestALayerIsDownloadedFromItsAddress(t *testing.T) {
	w := newWorld(t)
	w.repository("grocery-app", types.ImageTagMutabilityMutable)
	i := image(t)
	if err := remote.Write(ref(t, "grocery-app:v1"), i, w.login()...); err != nil {
		t.Fatal(err)
	}
	layer := must(i.Layers())(t)[0]
	out := must(w.GetDownloadUrlForLayer(t.Context(), &aws.GetDownloadUrlForLayerInput{RepositoryName: new("grocery-app"), LayerDigest: new(digest(t, layer))}))(t)
	get := func() int {
		r := must(http.NewRequest("GET", strings.Replace(*out.DownloadUrl, "https://"+ecr.Host(apitest.Region), w.server.URL, 1), nil))(t)
		r.Host = ecr.Host(apitest.Region)
		resp := must(http.DefaultClient.Do(r))(t)
		defer resp.Body.Close()
		io.Copy(io.Discard, resp.Body)
		return resp.StatusCode
	}
	if got := get(); got != 200 {
		t.Errorf("got %d", got)
	}
	w.clock.Advance(2 * time.Hour)
	if got := get(); got != 403 {
		t.Errorf("after its time the address answers %d", got)
	}
}

func TestALayerIsUploadedThroughTheAPI(t *testing.T) {
	w := newWorld(t)
	w.repository("grocery-app", types.ImageTagMutabilityMutable)
	repo, data := new("grocery-app"), []byte("a layer in two parts")
	up := must(w.InitiateLayerUpload(t.Context(), &aws.InitiateLayerUploadInput{RepositoryName: repo}))(t)
	for _, p := range [][2]int64{{0, 8}, {9, int64(len(data) - 1)}} {
		must(w.UploadLayerPart(t.Context(), &aws.UploadLayerPartInput{RepositoryName: repo, UploadId: up.UploadId, PartFirstByte: &p[0], PartLastByte: &p[1], LayerPartBlob: data[p[0] : p[1]+1]}))(t)
	}
	complete := func(d string) error {
		_, err := w.CompleteLayerUpload(t.Context(), &aws.CompleteLayerUploadInput{RepositoryName: repo, UploadId: up.UploadId, LayerDigests: []string{d}})
		return err
	}
	if err := complete("sha256:" + strings.Repeat("0", 64)); apitest.Code(err) != "InvalidLayerException" {
		t.Errorf("a wrong digest: %v", err)
	}
	h, _, _ := v1.SHA256(strings.NewReader(string(data)))
	if err := complete(h.String()); err != nil {
		t.Error(err)
	}
	l := must(w.BatchCheckLayerAvailability(t.Context(), &aws.BatchCheckLayerAvailabilityInput{RepositoryName: repo, LayerDigests: []string{h.String()}}))(t).Layers[0]
	if l.LayerAvailability != types.LayerAvailabilityAvailable || *l.LayerSize != int64(len(data)) {
		t.Errorf("got %+v", l)
	}
}

func TestARepositoryIsDeletedWithImagesOnlyByForceAndLeavesSharedLayers(t *testing.T) {
	w := newWorld(t)
	w.repository("grocery-app", types.ImageTagMutabilityMutable)
	w.repository("copy", types.ImageTagMutabilityMutable)
	as, i := w.login(), image(t)
	for _, r := range []string{"grocery-app:v1", "copy:v1"} {
		if err := remote.Write(ref(t, r), i, as...); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := w.DeleteRepository(t.Context(), &aws.DeleteRepositoryInput{RepositoryName: new("grocery-app")}); apitest.Code(err) != "RepositoryNotEmptyException" {
		t.Errorf("a repository with images was deleted without force: %v", err)
	}
	must(w.DeleteRepository(t.Context(), &aws.DeleteRepositoryInput{RepositoryName: new("grocery-app"), Force: true}))(t)
	got := must(remote.Image(ref(t, "copy:v1"), as...))(t)
	for _, l := range must(got.Layers())(t) { // shared layers stay
		if _, err := io.ReadAll(must(l.Compressed())(t)); err != nil {
			t.Error(err)
		}
	}
}

func TestThereIsNoScanWithoutAScanner(t *testing.T) {
	w := newWorld(t)
	w.repository("grocery-app", types.ImageTagMutabilityMutable)
	if err := remote.Write(ref(t, "grocery-app:v1"), image(t), w.login()...); err != nil {
		t.Fatal(err)
	}
	if _, err := w.DescribeImageScanFindings(t.Context(), &aws.DescribeImageScanFindingsInput{RepositoryName: new("grocery-app"), ImageId: &types.ImageIdentifier{ImageTag: new("v1")}}); apitest.Code(err) != "ScanNotFoundException" {
		t.Errorf("got %v", err)
	}
}

func TestLifecyclePolicies(t *testing.T) {
	for _, c := range []struct {
		name, rules, want string
		refused           bool
	}{
		{"too many images of a prefix: the oldest go", `{"rulePriority":1,"selection":{"tagStatus":"tagged","tagPrefixList":["backend-"],"countType":"imageCountMoreThan","countNumber":2},"action":{"type":"expire"}}`, "backend-3 backend-4,backend-latest frontend-1", false},
		{"untagged images go after days", `{"rulePriority":1,"selection":{"tagStatus":"untagged","countType":"sinceImagePushed","countUnit":"days","countNumber":1},"action":{"type":"expire"}}`, "backend-1 backend-2 backend-3 backend-4,backend-latest frontend-1", false},
		{"what a first rule keeps a later one cannot expire", `{"rulePriority":1,"selection":{"tagStatus":"tagged","tagPrefixList":["backend-"],"countType":"imageCountMoreThan","countNumber":9},"action":{"type":"expire"}},{"rulePriority":2,"selection":{"tagStatus":"any","countType":"imageCountMoreThan","countNumber":1},"action":{"type":"expire"}}`, "backend-1 backend-2 backend-3 backend-4,backend-latest", false},
		{"a pattern selects by its stars", `{"rulePriority":1,"selection":{"tagStatus":"tagged","tagPatternList":["back*-1"],"countType":"sinceImagePushed","countUnit":"days","countNumber":1},"action":{"type":"expire"}}`, "backend-2 backend-3 backend-4,backend-latest frontend-1", false},
		{"a policy that makes no sense is refused", `{"rulePriority":1,"selection":{"tagStatus":"tagged","countType":"sinceImagePushed","countUnit":"days","countNumber":1},"action":{"type":"expire"}}`, "", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			w.repository("grocery-app", types.ImageTagMutabilityMutable)
			as := w.login()
			for _, tags := range []string{"frontend-1", "backend-1", "backend-2", "backend-3", "backend-4 backend-latest"} {
				i := image(t)
				for _, tag := range strings.Fields(tags) {
					if err := remote.Write(ref(t, "grocery-app:"+tag), i, as...); err != nil {
						t.Fatal(err)
					}
				}
				w.clock.Advance(time.Minute)
			}
			w.clock.Advance(72 * time.Hour)
			text := `{"rules":[` + c.rules + `]}`
			_, err := w.PutLifecyclePolicy(t.Context(), &aws.PutLifecyclePolicyInput{RepositoryName: new("grocery-app"), LifecyclePolicyText: &text})
			if c.refused {
				if apitest.Code(err) != "InvalidParameterException" {
					t.Errorf("got %v", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			w.turn()
			left := map[string]string{}
			for _, i := range must(w.DescribeImages(t.Context(), &aws.DescribeImagesInput{RepositoryName: new("grocery-app")}))(t).ImageDetails {
				left[strings.Join(i.ImageTags, ",")] = ""
			}
			for _, want := range strings.Fields(c.want) {
				if _, ok := left[want]; !ok {
					t.Errorf("%s is gone", want)
				}
				delete(left, want)
			}
			if len(left) > 0 {
				t.Errorf("%v should be gone", left)
			}
		})
	}
}

func TestRepositoriesHaveSettingsAndTags(t *testing.T) {
	w := newWorld(t)
	out := must(w.CreateRepository(t.Context(), &aws.CreateRepositoryInput{RepositoryName: new("team/app"), ImageScanningConfiguration: &types.ImageScanningConfiguration{ScanOnPush: true},
		Tags: []types.Tag{{Key: new("Project"), Value: new("grocery")}}}))(t).Repository
	if *out.RepositoryUri != "123456789012.dkr.ecr.eu-central-1.amazonaws.com/team/app" || *out.RepositoryArn != "arn:aws:ecr:eu-central-1:123456789012:repository/team/app" || !out.ImageScanningConfiguration.ScanOnPush || out.EncryptionConfiguration.EncryptionType != types.EncryptionTypeAes256 {
		t.Errorf("got %+v", out)
	}
	if tags := must(w.ListTagsForResource(t.Context(), &aws.ListTagsForResourceInput{ResourceArn: out.RepositoryArn}))(t).Tags; len(tags) != 1 || *tags[0].Value != "grocery" {
		t.Errorf("the tags are %+v", tags)
	}
	for _, c := range []struct {
		name string
		err  error
		want string
	}{
		{"a second repository of the name", second(w.CreateRepository(t.Context(), &aws.CreateRepositoryInput{RepositoryName: new("team/app")})), "RepositoryAlreadyExistsException"},
		{"a name with capitals", second(w.CreateRepository(t.Context(), &aws.CreateRepositoryInput{RepositoryName: new("Team")})), "InvalidParameterException"},
		{"encryption with KMS", second(w.CreateRepository(t.Context(), &aws.CreateRepositoryInput{RepositoryName: new("kms"), EncryptionConfiguration: &types.EncryptionConfiguration{EncryptionType: types.EncryptionTypeKms}})), "InvalidParameterException"},
		{"a policy nobody set", second(w.GetRepositoryPolicy(t.Context(), &aws.GetRepositoryPolicyInput{RepositoryName: new("team/app")})), "RepositoryPolicyNotFoundException"},
		{"a lifecycle nobody set", second(w.GetLifecyclePolicy(t.Context(), &aws.GetLifecyclePolicyInput{RepositoryName: new("team/app")})), "LifecyclePolicyNotFoundException"},
		{"an unknown repository", second(w.DescribeRepositories(t.Context(), &aws.DescribeRepositoriesInput{RepositoryNames: []string{"none"}})), "RepositoryNotFoundException"},
	} {
		if got := apitest.Code(c.err); got != c.want {
			t.Errorf("%s: got %v, want %s", c.name, c.err, c.want)
		}
	}
}

func second[T any](_ T, err error) error { return err }
