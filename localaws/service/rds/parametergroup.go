package rds

import (
	"context"
	"maps"
	"slices"
	"strings"

	"grocery/localaws/service/internal/ptr"
	"grocery/localaws/store"
	"grocery/localaws/wire"
	api "grocery/localaws/wire/api/rdsapi"
)

// parameterGroup holds the settings that differ from the defaults.
type parameterGroup struct {
	Name        string            `json:"name"`
	Region      string            `json:"region"`
	Family      string            `json:"family"`
	Description string            `json:"description"`
	Values      map[string]set    `json:"values,omitempty"`
	Tags        map[string]string `json:"tags,omitempty"`
}

// set is a value and when it is to be applied.
type set struct {
	Value  string `json:"value"`
	Method string `json:"method"`
}

const (
	immediate     = "immediate"
	pendingReboot = "pending-reboot"
)

var parameterGroups = store.Table[parameterGroup]{Name: "rds_parameter_groups"}

func (g *parameterGroup) key() string { return store.Key(g.Region, g.Name) }

func (g *parameterGroup) shape() *api.DBParameterGroup {
	return &api.DBParameterGroup{DBParameterGroupName: &g.Name, DBParameterGroupFamily: &g.Family, Description: &g.Description, DBParameterGroupArn: new(arn(g.Region, "pg", g.Name))}
}

// group finds a parameter group; the default one of a family always exists.
func group(tx store.Tx, region, name string) (parameterGroup, error) {
	if f, ok := strings.CutPrefix(name, "default."); ok && families[f] {
		return parameterGroup{Name: name, Region: region, Family: f, Description: "Default parameter group for " + f}, nil
	}
	g, ok := parameterGroups.Get(tx, store.Key(region, name))
	if !ok {
		return g, wire.Errorf(404, "DBParameterGroupNotFound", "DBParameterGroup not found: %s", name)
	}
	return g, nil
}

func (s *Service) createDBParameterGroup(ctx context.Context, in *api.CreateDBParameterGroupInput) (*api.CreateDBParameterGroupOutput, error) {
	g := parameterGroup{Name: strings.ToLower(*in.DBParameterGroupName), Region: wire.CallFrom(ctx).Region, Family: *in.DBParameterGroupFamily, Description: *in.Description, Tags: tagMap(nil, in.Tags)}
	if err := checkIdentifier("DBParameterGroupName", g.Name); err != nil {
		return nil, err
	}
	if !families[g.Family] {
		return nil, wire.Errorf(400, invalidValue, "ParameterGroupFamily %s is not a valid parameter group family", g.Family)
	}
	return &api.CreateDBParameterGroupOutput{DBParameterGroup: g.shape()}, s.d.Store.Update(func(tx store.Tx) error {
		if _, ok := parameterGroups.Get(tx, g.key()); ok {
			return wire.Errorf(400, "DBParameterGroupAlreadyExists", "Parameter group %s already exists", g.Name)
		}
		parameterGroups.Put(tx, g.key(), g)
		return nil
	})
}

// change runs f on a group that is not a default one.
func (s *Service) change(ctx context.Context, name string, f func(tx store.Tx, g *parameterGroup) error) (*api.DBParameterGroupNameMessage, error) {
	name = strings.ToLower(name)
	return &api.DBParameterGroupNameMessage{DBParameterGroupName: &name}, s.d.Store.Update(func(tx store.Tx) error {
		g, err := group(tx, wire.CallFrom(ctx).Region, name)
		if err != nil {
			return err
		}
		if strings.HasPrefix(name, "default.") {
			return wire.Errorf(400, "InvalidDBParameterGroupState", "The parameter group %s is a default and cannot be changed.", name)
		}
		if err := f(tx, &g); err != nil {
			return err
		}
		parameterGroups.Put(tx, g.key(), g)
		return nil
	})
}

func (s *Service) modifyDBParameterGroup(ctx context.Context, in *api.ModifyDBParameterGroupInput) (*api.ModifyDBParameterGroupOutput, error) {
	if len(in.Parameters) > 20 {
		return nil, wire.Errorf(400, invalidValue, "A maximum of 20 parameters can be modified in a single request.")
	}
	return s.change(ctx, *in.DBParameterGroupName, func(_ store.Tx, g *parameterGroup) error {
		if g.Values == nil {
			g.Values = map[string]set{}
		}
		for _, p := range in.Parameters {
			name, method := ptr.Val(p.ParameterName), ptr.Or(p.ApplyMethod, pendingReboot)
			known, ok := settingsOnce()[name]
			switch {
			case !ok:
				return wire.Errorf(400, invalidValue, "Could not find parameter with name: %s", name)
			case known.Fixed:
				return wire.Errorf(400, invalidValue, "The parameter %s cannot be modified.", name)
			case p.ParameterValue == nil:
				return wire.Errorf(400, invalidValue, "The parameter %s needs a value.", name)
			case method != immediate && method != pendingReboot:
				return wire.Errorf(400, invalidValue, "The apply method %s does not exist: use immediate or pending-reboot.", method)
			case method == immediate && known.Static:
				return wire.Errorf(400, "InvalidParameterCombination", "cannot use immediate apply method for static parameter %s", name)
			}
			if err := known.check(*p.ParameterValue); err != nil {
				return err
			}
			g.Values[name] = set{*p.ParameterValue, method}
		}
		return nil
	})
}

func (s *Service) resetDBParameterGroup(ctx context.Context, in *api.ResetDBParameterGroupInput) (*api.ResetDBParameterGroupOutput, error) {
	return s.change(ctx, *in.DBParameterGroupName, func(_ store.Tx, g *parameterGroup) error {
		if ptr.Val(in.ResetAllParameters) {
			g.Values = nil
		}
		for _, p := range in.Parameters {
			delete(g.Values, ptr.Val(p.ParameterName))
		}
		return nil
	})
}

func (s *Service) deleteDBParameterGroup(ctx context.Context, in *api.DeleteDBParameterGroupInput) (*api.DeleteDBParameterGroupOutput, error) {
	_, err := s.change(ctx, *in.DBParameterGroupName, func(tx store.Tx, g *parameterGroup) error {
		for _, i := range instances.List(tx, g.Region+"/") {
			if i.Settings.ParameterGroup == g.Name {
				return wire.Errorf(400, "InvalidDBParameterGroupState", "One or more database instances are still members of this parameter group %s, so the group cannot be deleted", g.Name)
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return nil, s.d.Store.Update(func(tx store.Tx) error {
		parameterGroups.Delete(tx, store.Key(wire.CallFrom(ctx).Region, strings.ToLower(*in.DBParameterGroupName)))
		return nil
	})
}

func (s *Service) describeDBParameterGroups(ctx context.Context, in *api.DescribeDBParameterGroupsInput) (*api.DescribeDBParameterGroupsOutput, error) {
	region, name := wire.CallFrom(ctx).Region, strings.ToLower(ptr.Val(in.DBParameterGroupName))
	out := &api.DescribeDBParameterGroupsOutput{}
	return out, s.d.Store.View(func(tx store.Tx) (err error) {
		var all []parameterGroup
		if name != "" {
			g, err := group(tx, region, name)
			if err != nil {
				return err
			}
			all = append(all, g)
		} else {
			g, _ := group(tx, region, "default."+family)
			all = append(parameterGroups.List(tx, region+"/"), g)
			slices.SortFunc(all, func(a, b parameterGroup) int { return strings.Compare(a.Name, b.Name) })
		}
		all, out.Marker, err = cut(all, func(g parameterGroup) string { return g.Name }, in.Marker, in.MaxRecords)
		for _, g := range all {
			out.DBParameterGroups = append(out.DBParameterGroups, *g.shape())
		}
		return err
	})
}

func (s *Service) describeDBParameters(ctx context.Context, in *api.DescribeDBParametersInput) (*api.DescribeDBParametersOutput, error) {
	var g parameterGroup
	err := s.d.Store.View(func(tx store.Tx) (err error) {
		g, err = group(tx, wire.CallFrom(ctx).Region, strings.ToLower(*in.DBParameterGroupName))
		return err
	})
	if err != nil {
		return nil, err
	}
	all := listParameters(g.Values, ptr.Val(in.Source))
	out := &api.DescribeDBParametersOutput{}
	out.Parameters, out.Marker, err = cut(all, func(p api.Parameter) string { return *p.ParameterName }, in.Marker, in.MaxRecords)
	return out, err
}

// listParameters lists all settings with a group's values over the defaults.
// source is user, system, engine-default or "" for all.
func listParameters(values map[string]set, source string) []api.Parameter {
	var all []api.Parameter
	known := settingsOnce()
	for _, name := range slices.Sorted(maps.Keys(known)) {
		p := known[name]
		value, from, method := p.Default, "engine-default", pendingReboot
		if strings.HasPrefix(name, "rds.") || strings.ContainsAny(value, "{(") || p.Fixed {
			from = "system"
		}
		if v, ok := values[name]; ok {
			value, from, method = v.Value, "user", v.Method
		}
		if source == "" || source == from {
			all = append(all, p.shape(value, from, method))
		}
	}
	return all
}

func (s *Service) describeEngineDefaultParameters(_ context.Context, in *api.DescribeEngineDefaultParametersInput) (*api.DescribeEngineDefaultParametersOutput, error) {
	f := *in.DBParameterGroupFamily
	if !families[f] {
		return nil, wire.Errorf(400, invalidValue, "ParameterGroupFamily %s is not a valid parameter group family", f)
	}
	page, next, err := cut(listParameters(nil, ""), func(p api.Parameter) string { return *p.ParameterName }, in.Marker, in.MaxRecords)
	return &api.DescribeEngineDefaultParametersOutput{EngineDefaults: &api.EngineDefaults{DBParameterGroupFamily: &f, Parameters: page, Marker: next}}, err
}
