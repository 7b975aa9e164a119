package cloudwatch_test

import (
	"context"
	"encoding/json"
	"log/slog"
	"strings"
	"testing"
	"time"

	cw "github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"

	"grocery/localaws/service/cloudwatch"
	"grocery/localaws/service/internal/apitest"
	"grocery/localaws/store"
	"grocery/localaws/wire"
	"grocery/localaws/wire/api/cloudwatchapi"
	"grocery/localaws/wire/api/snsapi"
)

const topic = "arn:aws:sns:eu-central-1:123456789012:alerts"

type world struct {
	*cw.Client
	t         *testing.T
	clock     *apitest.Clock
	calls     *wire.Registry
	service   *cloudwatch.Service
	published []*snsapi.PublishInput
	refuse    error // what the topic answers
}

func newWorld(t *testing.T) *world {
	w := &world{t: t, clock: apitest.NewClock(), calls: apitest.Registry()}
	w.service = cloudwatch.New(cloudwatch.Deps{Store: store.NewMemory(), Clock: w.clock, Calls: w.calls, Log: slog.New(slog.DiscardHandler)})
	w.service.Register(w.calls)
	wire.Handle(w.calls, snsapi.Publish, func(_ context.Context, in *snsapi.PublishInput) (*snsapi.PublishOutput, error) {
		w.published = append(w.published, in)
		return nil, w.refuse
	})
	w.Client = cw.NewFromConfig(apitest.Serve(t, w.calls))
	return w
}

// turn runs every loop once.
func (w *world) turn() {
	w.t.Helper()
	for _, l := range w.service.Loops() {
		if err := l.Run(w.t.Context()); err != nil {
			w.t.Fatalf("%s: %v", l.Name, err)
		}
	}
}

func (w *world) put(data ...types.MetricDatum) error {
	_, err := w.PutMetricData(w.t.Context(), &cw.PutMetricDataInput{Namespace: new("Shop"), MetricData: data})
	return err
}

func datum(at time.Time, v float64) types.MetricDatum {
	return types.MetricDatum{MetricName: new("Load"), Timestamp: &at, Value: &v, Dimensions: []types.Dimension{{Name: new("Host"), Value: new("a")}}}
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

func TestStatisticsAreOfWhatWasPut(t *testing.T) {
	w := newWorld(t)
	at := w.clock.Now().Truncate(time.Minute)
	for i := range 100 {
		if err := w.put(datum(at.Add(time.Duration(i)*time.Second/2), float64(i+1))); err != nil {
			t.Fatal(err)
		}
	}
	out := must(w.GetMetricStatistics(t.Context(), &cw.GetMetricStatisticsInput{Namespace: new("Shop"), MetricName: new("Load"), Dimensions: []types.Dimension{{Name: new("Host"), Value: new("a")}},
		StartTime: &at, EndTime: new(at.Add(time.Minute)), Period: new(int32(60)), ExtendedStatistics: []string{"p90", "p50"},
		Statistics: []types.Statistic{types.StatisticAverage, types.StatisticSum, types.StatisticMinimum, types.StatisticMaximum, types.StatisticSampleCount}}))(t)
	if len(out.Datapoints) != 1 {
		t.Fatalf("got %d data points", len(out.Datapoints))
	}
	d := out.Datapoints[0]
	if *d.Average != 50.5 || *d.Sum != 5050 || *d.Minimum != 1 || *d.Maximum != 100 || *d.SampleCount != 100 || d.ExtendedStatistics["p90"] != 90 || d.ExtendedStatistics["p50"] != 50 {
		t.Errorf("got %+v %v", d, d.ExtendedStatistics)
	}
}

func TestDimensionsAreNotPooled(t *testing.T) {
	w := newWorld(t)
	at := w.clock.Now().Truncate(time.Minute)
	other := datum(at, 99)
	other.Dimensions = []types.Dimension{{Name: new("Host"), Value: new("b")}}
	if err := w.put(datum(at, 1), other); err != nil {
		t.Fatal(err)
	}
	get := func(dims ...types.Dimension) int {
		out := must(w.GetMetricStatistics(t.Context(), &cw.GetMetricStatisticsInput{Namespace: new("Shop"), MetricName: new("Load"), Dimensions: dims, StartTime: &at, EndTime: new(at.Add(time.Minute)), Period: new(int32(60)), Statistics: []types.Statistic{types.StatisticMaximum}}))(t)
		if len(out.Datapoints) == 0 {
			return 0
		}
		return int(*out.Datapoints[0].Maximum)
	}
	if a, b, none := get(types.Dimension{Name: new("Host"), Value: new("a")}), get(types.Dimension{Name: new("Host"), Value: new("b")}), get(); a != 1 || b != 99 || none != 0 {
		t.Errorf("got %d, %d, and %d without dimensions", a, b, none)
	}
	if l := must(w.ListMetrics(t.Context(), &cw.ListMetricsInput{Namespace: new("Shop")}))(t).Metrics; len(l) != 2 {
		t.Errorf("%d metrics are listed", len(l))
	}
}

func TestMetricMath(t *testing.T) {
	w := newWorld(t)
	at := w.clock.Now().Truncate(time.Minute)
	if err := w.put(datum(at, 6), datum(at.Add(2*time.Minute), 8)); err != nil {
		t.Fatal(err)
	}
	stat := types.MetricDataQuery{Id: new("m1"), ReturnData: new(false), MetricStat: &types.MetricStat{Period: new(int32(60)), Stat: new("Average"),
		Metric: &types.Metric{Namespace: new("Shop"), MetricName: new("Load"), Dimensions: []types.Dimension{{Name: new("Host"), Value: new("a")}}}}}
	for _, c := range []struct {
		expression string
		want       []float64 // oldest first; nil: refused
	}{
		{"m1", []float64{6, 8}},
		{"(m1 + 2) * 10 / 4", []float64{20, 25}},
		{"-m1 - -1", []float64{-5, -7}},
		{"FILL(m1, 0)", []float64{6, 0, 8}},
		{"m1 / (m1 - 6)", []float64{4}},
		{"ANOMALY_DETECTION_BAND(m1, 2)", nil},
		{"m2 + 1", nil},
		{"m1 +", nil},
		{"1 + 1", nil},
	} {
		t.Run(c.expression, func(t *testing.T) {
			out, err := w.GetMetricData(t.Context(), &cw.GetMetricDataInput{StartTime: &at, EndTime: new(at.Add(time.Hour)), ScanBy: types.ScanByTimestampAscending,
				MetricDataQueries: []types.MetricDataQuery{stat, {Id: new("e1"), Expression: &c.expression}}})
			if (err != nil) != (c.want == nil) {
				t.Fatalf("got %v", err)
			}
			if err != nil {
				return
			}
			got := out.MetricDataResults[0].Values
			if len(out.MetricDataResults) != 1 || len(got) != len(c.want) {
				t.Fatalf("got %v", got)
			}
			for i := range got {
				if got[i] != c.want[i] {
					t.Errorf("got %v, want %v", got, c.want)
				}
			}
		})
	}
}

func TestWhatCannotBePutIsRefused(t *testing.T) {
	w := newWorld(t)
	now := w.clock.Now()
	both := datum(now, 1)
	both.Values = []float64{1}
	fine := datum(now, 1)
	fine.StorageResolution = new(int32(1))
	for name, err := range map[string]error{
		"a value and values":         w.put(both),
		"seconds as resolution":      w.put(fine),
		"a point of three weeks ago": w.put(datum(now.Add(-21*24*time.Hour), 1)),
		"a point of tomorrow":        w.put(datum(now.Add(24*time.Hour), 1)),
		"AWS's own namespace by users": func() error {
			_, err := w.PutMetricData(t.Context(), &cw.PutMetricDataInput{Namespace: new("AWS/EC2"), MetricData: []types.MetricDatum{datum(now, 1)}})
			return err
		}(),
	} {
		if code := apitest.Code(err); !strings.HasPrefix(code, "InvalidParameter") {
			t.Errorf("%s: got %v", name, err)
		}
	}
	in := &cloudwatchapi.PutMetricDataInput{Namespace: new("AWS/EC2"), MetricData: []cloudwatchapi.MetricDatum{{MetricName: new("CPUUtilization"), Value: new(1.0)}}}
	if _, err := wire.Invoke(wire.AsService(t.Context(), "ec2.amazonaws.com", apitest.Region), w.calls, cloudwatchapi.PutMetricData, in); err != nil {
		t.Errorf("a service's own metric: %v", err)
	}
}

func (w *world) alarm(change func(*cw.PutMetricAlarmInput)) error {
	in := &cw.PutMetricAlarmInput{AlarmName: new("hot"), Namespace: new("Shop"), MetricName: new("Load"), Dimensions: []types.Dimension{{Name: new("Host"), Value: new("a")}},
		Statistic: types.StatisticAverage, Period: new(int32(60)), EvaluationPeriods: new(int32(3)), Threshold: new(80.0), ComparisonOperator: types.ComparisonOperatorGreaterThanThreshold,
		AlarmActions: []string{topic}, OKActions: []string{topic}}
	if change != nil {
		change(in)
	}
	_, err := w.PutMetricAlarm(w.t.Context(), in)
	return err
}

func (w *world) state() string {
	w.t.Helper()
	out := must(w.DescribeAlarms(w.t.Context(), &cw.DescribeAlarmsInput{AlarmNames: []string{"hot"}}))(w.t)
	return string(out.MetricAlarms[0].StateValue)
}

// TestMissingData is AWS's own table of examples: five periods of which X
// breaches, 0 does not, and - has no data.
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html
func TestMissingData(t *testing.T) {
	const retain = "INSUFFICIENT_DATA" // the state before
	for _, c := range []struct {
		periods                                  string
		needed                                   int32
		missing, ignore, breaching, notBreaching string
	}{
		{"0-X-X", 3, "OK", "OK", "OK", "OK"},
		{"0----", 3, "OK", "OK", "OK", "OK"},
		{"-----", 3, "INSUFFICIENT_DATA", retain, "ALARM", "OK"},
		{"0XX-X", 3, "ALARM", "ALARM", "ALARM", "ALARM"},
		{"--X--", 3, "ALARM", retain, "ALARM", "OK"},
		{"0-X-X", 2, "ALARM", "ALARM", "ALARM", "ALARM"},
		{"00X0X", 2, "ALARM", "ALARM", "ALARM", "ALARM"},
		{"0-X--", 2, "OK", "OK", "ALARM", "OK"},
		{"----0", 2, "OK", "OK", "ALARM", "OK"},
		{"---X-", 2, "ALARM", retain, "ALARM", "OK"},
	} {
		for treat, want := range map[string]string{"missing": c.missing, "ignore": c.ignore, "breaching": c.breaching, "notBreaching": c.notBreaching} {
			w := newWorld(t)
			start := w.clock.Now().Truncate(time.Minute)
			for i, p := range c.periods {
				v := map[rune]float64{'X': 90, '0': 10}
				if x, ok := v[p]; ok {
					if err := w.put(datum(start.Add(time.Duration(i)*time.Minute), x)); err != nil {
						t.Fatal(err)
					}
				}
			}
			w.clock.Advance(5 * time.Minute)
			if err := w.alarm(func(in *cw.PutMetricAlarmInput) { in.DatapointsToAlarm, in.TreatMissingData = &c.needed, &treat }); err != nil {
				t.Fatal(err)
			}
			w.turn()
			if got := w.state(); got != want {
				t.Errorf("%s, %d of 3, %s: got %s, want %s", c.periods, c.needed, treat, got, want)
			}
		}
	}
}

func TestAnAlarmOfFiveMinutesLooksAtTheLastFiveEveryMinute(t *testing.T) {
	w := newWorld(t)
	if err := w.alarm(func(in *cw.PutMetricAlarmInput) { in.Period, in.EvaluationPeriods = new(int32(300)), new(int32(1)) }); err != nil {
		t.Fatal(err)
	}
	// From the begin of an hour, trouble lasts for five minutes across a
	// multiple of five.
	w.clock.Advance(w.clock.Now().Truncate(time.Hour).Add(time.Hour).Sub(w.clock.Now()))
	got := ""
	for minute := range 12 {
		load := 10.0
		if minute >= 3 && minute < 8 {
			load = 100
		}
		if err := w.put(datum(w.clock.Now(), load)); err != nil {
			t.Fatal(err)
		}
		w.clock.Advance(time.Minute)
		w.turn()
		got += w.state()[:1]
	}
	// Four bad minutes of five are 82 on average, three are 64.
	if got != "OOOOOOAAAOOO" {
		t.Errorf("minute by minute the alarm is %s", got)
	}
}

func TestAnAlarmTellsItsTopicOnceForEveryChange(t *testing.T) {
	w := newWorld(t)
	if err := w.alarm(func(in *cw.PutMetricAlarmInput) { in.EvaluationPeriods = new(int32(1)) }); err != nil {
		t.Fatal(err)
	}
	step := func(v float64) {
		if err := w.put(datum(w.clock.Now(), v)); err != nil {
			t.Fatal(err)
		}
		w.clock.Advance(time.Minute)
		w.turn()
		w.turn()
	}
	step(95)
	step(96)
	if len(w.published) != 1 || *w.published[0].TopicArn != topic || *w.published[0].Subject != `ALARM: "hot" in eu-central-1` {
		t.Fatalf("published: %+v", w.published)
	}
	var m struct {
		NewStateValue, OldStateValue, NewStateReason string
		Trigger                                      struct{ MetricName string }
	}
	if err := json.Unmarshal([]byte(*w.published[0].Message), &m); err != nil || m.NewStateValue != "ALARM" || m.OldStateValue != "INSUFFICIENT_DATA" || m.Trigger.MetricName != "Load" || !strings.Contains(m.NewStateReason, "Threshold Crossed: 1 out of the last 1 datapoints [95.0") {
		t.Errorf("the message is %s", *w.published[0].Message)
	}
	step(10)
	step(10)
	step(10)
	if len(w.published) != 2 || !strings.HasPrefix(*w.published[1].Subject, "OK:") {
		t.Errorf("%d messages were published", len(w.published))
	}
	var kinds []string
	for _, i := range must(w.DescribeAlarmHistory(t.Context(), &cw.DescribeAlarmHistoryInput{AlarmName: new("hot")}))(t).AlarmHistoryItems {
		kinds = append(kinds, string(i.HistoryItemType))
	}
	if got := strings.Join(kinds, " "); got != "Action StateUpdate Action StateUpdate ConfigurationUpdate" {
		t.Errorf("the history, youngest first, is %s", got)
	}
}

func TestActionsCanBeSwitchedOffAndAStateCanBeSet(t *testing.T) {
	w := newWorld(t)
	if err := w.alarm(nil); err != nil {
		t.Fatal(err)
	}
	set := func(state types.StateValue) {
		must(w.SetAlarmState(t.Context(), &cw.SetAlarmStateInput{AlarmName: new("hot"), StateValue: state, StateReason: new("a drill")}))(t)
		w.turn()
	}
	must(w.DisableAlarmActions(t.Context(), &cw.DisableAlarmActionsInput{AlarmNames: []string{"hot"}}))(t)
	set(types.StateValueAlarm)
	if len(w.published) != 0 {
		t.Error("an action was carried out although actions are off")
	}
	must(w.EnableAlarmActions(t.Context(), &cw.EnableAlarmActionsInput{AlarmNames: []string{"hot"}}))(t)
	set(types.StateValueOk)
	if len(w.published) != 1 {
		t.Errorf("%d messages were published", len(w.published))
	}
	if _, err := w.SetAlarmState(t.Context(), &cw.SetAlarmStateInput{AlarmName: new("cold"), StateValue: types.StateValueOk, StateReason: new("x")}); !strings.HasPrefix(apitest.Code(err), "ResourceNotFound") {
		t.Errorf("an unknown alarm: %v", err)
	}
}

func TestAlarmsThatWouldNotDoWhatTheySayAreRefused(t *testing.T) {
	w := newWorld(t)
	for name, change := range map[string]func(*cw.PutMetricAlarmInput){
		"an action nobody carries out": func(in *cw.PutMetricAlarmInput) {
			in.AlarmActions = []string{"arn:aws:automate:eu-central-1:ec2:recover"}
		},
		"a period of ten seconds": func(in *cw.PutMetricAlarmInput) { in.Period = new(int32(10)) },
		"anomaly detection": func(in *cw.PutMetricAlarmInput) {
			in.ComparisonOperator = types.ComparisonOperatorGreaterThanUpperThreshold
		},
		"no statistic":                 func(in *cw.PutMetricAlarmInput) { in.Statistic = "" },
		"more datapoints than periods": func(in *cw.PutMetricAlarmInput) { in.DatapointsToAlarm = new(int32(4)) },
	} {
		if err := w.alarm(change); apitest.Code(err) == "" {
			t.Errorf("%s was accepted", name)
		}
	}
}

func TestAlarmsHaveTagsAndGo(t *testing.T) {
	w := newWorld(t)
	if err := w.alarm(func(in *cw.PutMetricAlarmInput) { in.Tags = []types.Tag{{Key: new("Project"), Value: new("grocery")}} }); err != nil {
		t.Fatal(err)
	}
	arn := must(w.DescribeAlarms(t.Context(), &cw.DescribeAlarmsInput{AlarmNamePrefix: new("h")}))(t).MetricAlarms[0].AlarmArn
	if tags := must(w.ListTagsForResource(t.Context(), &cw.ListTagsForResourceInput{ResourceARN: arn}))(t).Tags; len(tags) != 1 || *tags[0].Value != "grocery" {
		t.Errorf("the tags are %+v", tags)
	}
	must(w.DeleteAlarms(t.Context(), &cw.DeleteAlarmsInput{AlarmNames: []string{"hot"}}))(t)
	if l := must(w.DescribeAlarms(t.Context(), &cw.DescribeAlarmsInput{}))(t).MetricAlarms; len(l) != 0 {
		t.Errorf("%d alarms are left", len(l))
	}
}

func TestOldDataAreDropped(t *testing.T) {
	w := newWorld(t)
	if err := w.put(datum(w.clock.Now(), 1)); err != nil {
		t.Fatal(err)
	}
	w.clock.Advance(16 * 24 * time.Hour)
	w.turn()
	if l := must(w.ListMetrics(t.Context(), &cw.ListMetricsInput{}))(t).Metrics; len(l) != 0 {
		t.Errorf("%d metrics are left", len(l))
	}
}
