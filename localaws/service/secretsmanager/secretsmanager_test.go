package secretsmanager_test

import (
	"context"
	"encoding/base64"
	"log/slog"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	sm "github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"

	"grocery/localaws/seal"
	"grocery/localaws/service/internal/apitest"
	"grocery/localaws/service/secretsmanager"
	"grocery/localaws/store"
)

type world struct {
	*sm.Client
	clock   *apitest.Clock
	service *secretsmanager.Service
}

func newWorld(t *testing.T) world {
	clock := apitest.NewClock()
	s := secretsmanager.New(secretsmanager.Deps{Store: store.NewMemory(), Clock: clock, Key: seal.New(), Log: slog.New(slog.DiscardHandler)})
	r := apitest.Registry()
	s.Register(r)
	return world{sm.NewFromConfig(apitest.Serve(t, r)), clock, s}
}

func (w world) create(t *testing.T, name, value string) *sm.CreateSecretOutput {
	t.Helper()
	out, err := w.CreateSecret(t.Context(), &sm.CreateSecretInput{Name: &name, SecretString: &value})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func (w world) value(t *testing.T, id, stage string) string {
	t.Helper()
	out, err := w.GetSecretValue(t.Context(), &sm.GetSecretValueInput{SecretId: &id, VersionStage: &stage})
	if err != nil {
		return apitest.Code(err)
	}
	return *out.SecretString
}

func TestANewValueMakesTheOldOnePrevious(t *testing.T) {
	w := newWorld(t)
	w.create(t, "db", "one")
	for _, next := range []string{"two", "three"} {
		if _, err := w.PutSecretValue(t.Context(), &sm.PutSecretValueInput{SecretId: new("db"), SecretString: &next}); err != nil {
			t.Fatal(err)
		}
	}
	if cur, prev := w.value(t, "db", "AWSCURRENT"), w.value(t, "db", "AWSPREVIOUS"); cur != "three" || prev != "two" {
		t.Fatalf("current %q, previous %q", cur, prev)
	}
	out, err := w.ListSecretVersionIds(t.Context(), &sm.ListSecretVersionIdsInput{SecretId: new("db")})
	if err != nil || len(out.Versions) != 2 {
		t.Fatalf("%d labelled versions, %v", len(out.Versions), err)
	}
}

func TestAPendingValueBecomesCurrentWhenItsLabelMoves(t *testing.T) {
	w := newWorld(t)
	old := w.create(t, "db", "one")
	put, err := w.PutSecretValue(t.Context(), &sm.PutSecretValueInput{SecretId: new("db"), SecretString: new("two"), VersionStages: []string{"AWSPENDING"}})
	if err != nil {
		t.Fatal(err)
	}
	if got := w.value(t, "db", "AWSCURRENT"); got != "one" {
		t.Fatalf("a pending value is current: %q", got)
	}
	move := &sm.UpdateSecretVersionStageInput{SecretId: new("db"), VersionStage: new("AWSCURRENT"), MoveToVersionId: put.VersionId}
	if _, err := w.UpdateSecretVersionStage(t.Context(), move); apitest.Code(err) != "InvalidParameterException" {
		t.Fatalf("a label moved without naming its holder: %v", err)
	}
	move.RemoveFromVersionId = old.VersionId
	if _, err := w.UpdateSecretVersionStage(t.Context(), move); err != nil {
		t.Fatal(err)
	}
	if cur, prev := w.value(t, "db", "AWSCURRENT"), w.value(t, "db", "AWSPREVIOUS"); cur != "two" || prev != "one" {
		t.Fatalf("current %q, previous %q", cur, prev)
	}
}

func TestASecretIsFoundByNameAndByWholeAndPartialARN(t *testing.T) {
	w := newWorld(t)
	out := w.create(t, "app/db-prod01", "v")
	for _, id := range []string{"app/db-prod01", *out.ARN, (*out.ARN)[:len(*out.ARN)-7]} {
		if got := w.value(t, id, "AWSCURRENT"); got != "v" {
			t.Errorf("%s: %s", id, got)
		}
	}
	for _, id := range []string{"app/db", *out.ARN + "x", strings.Replace(*out.ARN, apitest.Region, "us-east-1", 1)} {
		if got := w.value(t, id, "AWSCURRENT"); got != "ResourceNotFoundException" {
			t.Errorf("%s: %s", id, got)
		}
	}
}

func TestARepeatedRequestIsTheSameVersionAndAnotherValueIsRefused(t *testing.T) {
	w := newWorld(t)
	token := strings.Repeat("t", 32)
	in := &sm.CreateSecretInput{Name: new("db"), SecretString: new("one"), ClientRequestToken: &token}
	first, err := w.CreateSecret(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	again, err := w.CreateSecret(t.Context(), in)
	if err != nil || *again.ARN != *first.ARN || *again.VersionId != token {
		t.Fatalf("%v, %v", again, err)
	}
	in.SecretString = new("two")
	if _, err := w.CreateSecret(t.Context(), in); apitest.Code(err) != "ResourceExistsException" {
		t.Fatalf("another value under a used token: %v", err)
	}
	if _, err := w.CreateSecret(t.Context(), &sm.CreateSecretInput{Name: new("db")}); apitest.Code(err) != "ResourceExistsException" {
		t.Fatalf("a second secret of the same name: %v", err)
	}
}

func TestADeletedSecretIsUnusableUntilRestoredAndGoneAfterItsWindow(t *testing.T) {
	w := newWorld(t)
	w.create(t, "db", "one")
	if _, err := w.DeleteSecret(t.Context(), &sm.DeleteSecretInput{SecretId: new("db"), RecoveryWindowInDays: new(int64(7))}); err != nil {
		t.Fatal(err)
	}
	if got := w.value(t, "db", "AWSCURRENT"); got != "InvalidRequestException" {
		t.Fatalf("read of a deleted secret: %s", got)
	}
	if _, err := w.CreateSecret(t.Context(), &sm.CreateSecretInput{Name: new("db")}); apitest.Code(err) != "InvalidRequestException" {
		t.Fatalf("the name of a deleted secret was free: %v", err)
	}
	if _, err := w.RestoreSecret(t.Context(), &sm.RestoreSecretInput{SecretId: new("db")}); err != nil {
		t.Fatal(err)
	}
	if got := w.value(t, "db", "AWSCURRENT"); got != "one" {
		t.Fatalf("restored: %s", got)
	}
	if _, err := w.DeleteSecret(t.Context(), &sm.DeleteSecretInput{SecretId: new("db"), RecoveryWindowInDays: new(int64(7))}); err != nil {
		t.Fatal(err)
	}
	w.clock.Advance(7 * 24 * time.Hour)
	if err := w.service.Loops()[0].Run(context.Background()); err != nil {
		t.Fatal(err)
	}
	if _, err := w.DescribeSecret(t.Context(), &sm.DescribeSecretInput{SecretId: new("db")}); apitest.Code(err) != "ResourceNotFoundException" {
		t.Fatalf("described after the window: %v", err)
	}
}

func TestAForcedDeletionIsAtOnce(t *testing.T) {
	w := newWorld(t)
	w.create(t, "db", "one")
	if _, err := w.DeleteSecret(t.Context(), &sm.DeleteSecretInput{SecretId: new("db"), ForceDeleteWithoutRecovery: new(true)}); err != nil {
		t.Fatal(err)
	}
	w.create(t, "db", "two")
	if got := w.value(t, "db", "AWSCURRENT"); got != "two" {
		t.Fatal(got)
	}
}

func TestUpdateKeepsWhatItDoesNotName(t *testing.T) {
	w := newWorld(t)
	w.create(t, "db", "one")
	if _, err := w.TagResource(t.Context(), &sm.TagResourceInput{SecretId: new("db"), Tags: []types.Tag{{Key: new("a"), Value: new("1")}, {Key: new("b"), Value: new("2")}}}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.UntagResource(t.Context(), &sm.UntagResourceInput{SecretId: new("db"), TagKeys: []string{"a"}}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.PutResourcePolicy(t.Context(), &sm.PutResourcePolicyInput{SecretId: new("db"), ResourcePolicy: new(`{"Version":"2012-10-17","Statement":[]}`)}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.UpdateSecret(t.Context(), &sm.UpdateSecretInput{SecretId: new("db"), Description: new("the database")}); err != nil {
		t.Fatal(err)
	}
	d, err := w.DescribeSecret(t.Context(), &sm.DescribeSecretInput{SecretId: new("db")})
	if err != nil || *d.Description != "the database" || len(d.Tags) != 1 || *d.Tags[0].Key != "b" || len(d.VersionIdsToStages) != 1 {
		t.Fatalf("%+v, %v", d, err)
	}
	if p, err := w.GetResourcePolicy(t.Context(), &sm.GetResourcePolicyInput{SecretId: new("db")}); err != nil || p.ResourcePolicy == nil {
		t.Fatalf("%+v, %v", p, err)
	}
	if _, err := w.PutResourcePolicy(t.Context(), &sm.PutResourcePolicyInput{SecretId: new("db"), ResourcePolicy: new(`{`)}); apitest.Code(err) != "MalformedPolicyDocumentException" {
		t.Fatalf("a broken policy: %v", err)
	}
}

func TestListingFiltersAndPages(t *testing.T) {
	w := newWorld(t)
	for _, n := range []string{"grocery/a", "grocery/b", "other"} {
		w.create(t, n, n)
		w.clock.Advance(time.Second)
	}
	var names []string
	p := sm.NewListSecretsPaginator(w, &sm.ListSecretsInput{MaxResults: new(int32(1)), Filters: []types.Filter{{Key: "name", Values: []string{"grocery/"}}}})
	for p.HasMorePages() {
		out, err := p.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, x := range out.SecretList {
			names = append(names, *x.Name)
		}
	}
	if !slices.Equal(names, []string{"grocery/a", "grocery/b"}) {
		t.Fatal(names)
	}
	b, err := w.BatchGetSecretValue(t.Context(), &sm.BatchGetSecretValueInput{SecretIdList: []string{"other", "absent"}})
	if err != nil || len(b.SecretValues) != 1 || len(b.Errors) != 1 {
		t.Fatalf("%+v, %v", b, err)
	}
}

func TestRandomPasswordHonoursItsOptions(t *testing.T) {
	w := newWorld(t)
	for name, c := range map[string]struct {
		in   sm.GetRandomPasswordInput
		good func(string) bool
	}{
		"32 characters of every kind by default": {sm.GetRandomPasswordInput{}, func(p string) bool {
			return len(p) == 32 && strings.ContainsAny(p, "abcdefghijklmnopqrstuvwxyz") && strings.ContainsAny(p, "0123456789") && strings.ContainsAny(p, "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~") && !strings.Contains(p, " ")
		}},
		"only what is not excluded": {sm.GetRandomPasswordInput{ExcludeLowercase: new(true), ExcludePunctuation: new(true), ExcludeUppercase: new(true), ExcludeCharacters: new("012345678"), PasswordLength: new(int64(5))}, func(p string) bool { return p == "99999" }},
		"each kind even when as short as possible": {sm.GetRandomPasswordInput{PasswordLength: new(int64(2)), ExcludeLowercase: new(true), ExcludePunctuation: new(true)}, func(p string) bool {
			return strings.ContainsAny(p, "0123456789") && strings.ContainsAny(p, "ABCDEFGHIJKLMNOPQRSTUVWXYZ")
		}},
		"long ones": {sm.GetRandomPasswordInput{PasswordLength: new(int64(4096))}, func(p string) bool { return len(p) == 4096 }},
	} {
		out, err := w.GetRandomPassword(t.Context(), &c.in)
		if err != nil || !c.good(*out.RandomPassword) {
			t.Errorf("%s: %v, %v", name, out, err)
		}
	}
	if _, err := w.GetRandomPassword(t.Context(), &sm.GetRandomPasswordInput{PasswordLength: new(int64(3))}); apitest.Code(err) != "InvalidParameterException" {
		t.Errorf("a password too short for its kinds: %v", err)
	}
}

func TestReplicationIsRefused(t *testing.T) {
	w := newWorld(t)
	_, err := w.CreateSecret(t.Context(), &sm.CreateSecretInput{Name: new("db"), AddReplicaRegions: []types.ReplicaRegionType{{Region: new("us-east-1")}}})
	if apitest.Code(err) != "InvalidParameterException" {
		t.Fatal(err)
	}
}

func TestValuesAreNotReadableInTheStateFile(t *testing.T) {
	path := t.TempDir() + "/store.db"
	st, err := store.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	s := secretsmanager.New(secretsmanager.Deps{Store: st, Clock: apitest.NewClock(), Key: seal.New(), Log: slog.New(slog.DiscardHandler)})
	r := apitest.Registry()
	s.Register(r)
	world{Client: sm.NewFromConfig(apitest.Serve(t, r))}.create(t, "db", "not-to-be-read")
	st.Close()
	if readable(t, path, "not-to-be-read") {
		t.Fatal("the value stands readable in the state file")
	}
}

func readable(t *testing.T, path, text string) bool {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return strings.Contains(string(raw), text) || strings.Contains(string(raw), base64.StdEncoding.EncodeToString([]byte(text)))
}
