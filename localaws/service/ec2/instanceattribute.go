package ec2

import (
	"context"
	"encoding/base64"
	"slices"

	"grocery/localaws/service/internal/ptr"
	"grocery/localaws/wire"
	"grocery/localaws/wire/api/ec2api"
)

func (s *Service) registerInstanceAttributes(r *wire.Registry) {
	serve(r, ec2api.DescribeInstanceAttribute, "InstanceId Attribute", s.describeInstanceAttribute)
	serve(r, ec2api.ModifyInstanceAttribute, "InstanceId DisableApiStop DisableApiTermination EbsOptimized Groups InstanceInitiatedShutdownBehavior SourceDestCheck UserData", s.modifyInstanceAttribute)
	serve(r, ec2api.ModifyInstanceMetadataOptions, "InstanceId HttpEndpoint HttpProtocolIpv6 HttpPutResponseHopLimit HttpTokens InstanceMetadataTags", s.modifyInstanceMetadataOptions)
	serve(r, ec2api.DescribeInstanceCreditSpecifications, "InstanceIds Filters MaxResults NextToken", s.describeInstanceCreditSpecifications)
	serve(r, ec2api.DescribeIamInstanceProfileAssociations, "AssociationIds Filters MaxResults NextToken", s.describeIamInstanceProfileAssociations)
	serve(r, ec2api.MonitorInstances, "InstanceIds", func(ctx context.Context, in *ec2api.MonitorInstancesInput) (*ec2api.MonitorInstancesOutput, error) {
		all, err := s.monitor(ctx, in.InstanceIds, true)
		return &ec2api.MonitorInstancesOutput{InstanceMonitorings: all}, err
	})
	serve(r, ec2api.UnmonitorInstances, "InstanceIds", func(ctx context.Context, in *ec2api.UnmonitorInstancesInput) (*ec2api.UnmonitorInstancesOutput, error) {
		all, err := s.monitor(ctx, in.InstanceIds, false)
		return &ec2api.UnmonitorInstancesOutput{InstanceMonitorings: all}, err
	})
}

func (s *Service) monitor(ctx context.Context, ids []string, on bool) (all []ec2api.InstanceMonitoring, err error) {
	_, err = s.change(ctx, ids, func(t *tx, i *instance) error {
		i.Monitored = on
		instances.put(t, *i)
		all = append(all, ec2api.InstanceMonitoring{InstanceId: &i.ID, Monitoring: &ec2api.Monitoring{State: new(monitoring(on))}})
		return nil
	})
	return all, err
}

func (s *Service) describeInstanceAttribute(ctx context.Context, in *ec2api.DescribeInstanceAttributeInput) (*ec2api.DescribeInstanceAttributeOutput, error) {
	out := &ec2api.DescribeInstanceAttributeOutput{InstanceId: in.InstanceId}
	return out, s.view(ctx, func(t *tx) error {
		i, err := instances.get(t, ptr.Val(in.InstanceId))
		if err != nil {
			return err
		}
		x := t.shownInstance(i)
		switch ptr.Val(in.Attribute) {
		case "blockDeviceMapping":
			out.BlockDeviceMappings = x.BlockDeviceMappings
		case "disableApiStop":
			out.DisableApiStop = truth(i.KeepRunning)
		case "disableApiTermination":
			out.DisableApiTermination = truth(i.Protected)
		case "ebsOptimized":
			out.EbsOptimized = truth(i.EBSOptimized)
		case "enaSupport":
			out.EnaSupport = truth(true)
		case "enclaveOptions":
			out.EnclaveOptions = &ec2api.EnclaveOptions{Enabled: new(false)}
		case "groupSet":
			out.Groups = x.SecurityGroups
		case "instanceInitiatedShutdownBehavior":
			out.InstanceInitiatedShutdownBehavior = text(i.OnShutdown)
		case "instanceType":
			out.InstanceType = text(i.Type)
		case "kernel":
			out.KernelId = &ec2api.AttributeValue{}
		case "productCodes":
			out.ProductCodes = []ec2api.ProductCode{}
		case "ramdisk":
			out.RamdiskId = &ec2api.AttributeValue{}
		case "rootDeviceName":
			out.RootDeviceName = text(rootDevice)
		case "sourceDestCheck":
			out.SourceDestCheck = truth(ptr.Val(x.SourceDestCheck))
		case "sriovNetSupport":
			out.SriovNetSupport = text("simple")
		case "userData":
			out.UserData = &ec2api.AttributeValue{}
			if i.UserData != "" {
				out.UserData = text(i.UserData)
			}
		default:
			return wire.Errorf(400, "InvalidParameterValue", "Value (%s) for parameter attribute is invalid. Unknown attribute.", ptr.Val(in.Attribute))
		}
		return nil
	})
}

func (s *Service) modifyInstanceAttribute(ctx context.Context, in *ec2api.ModifyInstanceAttributeInput) (*ec2api.ModifyInstanceAttributeOutput, error) {
	return nil, s.update(ctx, func(t *tx) error {
		i, err := instances.get(t, ptr.Val(in.InstanceId))
		if err != nil {
			return err
		}
		set := func(to *bool, a *ec2api.AttributeBooleanValue) {
			if a != nil {
				*to = ptr.Val(a.Value)
			}
		}
		set(&i.KeepRunning, in.DisableApiStop)
		set(&i.Protected, in.DisableApiTermination)
		set(&i.EBSOptimized, in.EbsOptimized)
		if b := in.InstanceInitiatedShutdownBehavior; b != nil {
			if v := ptr.Val(b.Value); v != "stop" && v != "terminate" {
				return wire.Errorf(400, "InvalidParameterValue", "Value (%s) for parameter instanceInitiatedShutdownBehavior is invalid.", v)
			}
			i.OnShutdown = *b.Value
		}
		if u := in.UserData; u != nil {
			if i.State != stopped {
				return wire.Errorf(400, "IncorrectInstanceState", "The instance '%s' must be stopped to change its user data.", i.ID)
			}
			i.UserData = base64.StdEncoding.EncodeToString(u.Value)
		}
		if n, ok := t.primaryInterface(i.ID); ok {
			if len(in.Groups) > 0 {
				if err := t.checkGroups(n.VPC, in.Groups); err != nil {
					return err
				}
				n.Groups = in.Groups
			}
			set(&n.SourceDestCheck, in.SourceDestCheck)
			interfaces.put(t, n)
		}
		instances.put(t, i)
		return nil
	})
}

func (s *Service) modifyInstanceMetadataOptions(ctx context.Context, in *ec2api.ModifyInstanceMetadataOptionsInput) (*ec2api.ModifyInstanceMetadataOptionsOutput, error) {
	out := &ec2api.ModifyInstanceMetadataOptionsOutput{InstanceId: in.InstanceId}
	return out, s.update(ctx, func(t *tx) error {
		i, err := instances.get(t, ptr.Val(in.InstanceId))
		if err != nil {
			return err
		}
		m := ec2api.InstanceMetadataOptionsResponse{
			HttpEndpoint: in.HttpEndpoint, HttpProtocolIpv6: in.HttpProtocolIpv6, HttpPutResponseHopLimit: in.HttpPutResponseHopLimit,
			HttpTokens: in.HttpTokens, InstanceMetadataTags: in.InstanceMetadataTags,
		}
		underlay(&m, &i.Metadata)
		i.Metadata = m
		instances.put(t, i)
		out.InstanceMetadataOptions = &i.Metadata
		return nil
	})
}

func (s *Service) describeInstanceCreditSpecifications(ctx context.Context, in *ec2api.DescribeInstanceCreditSpecificationsInput) (*ec2api.DescribeInstanceCreditSpecificationsOutput, error) {
	out := &ec2api.DescribeInstanceCreditSpecificationsOutput{}
	return out, s.view(ctx, func(t *tx) error {
		some, err := instances.find(t, in.InstanceIds, in.Filters, fields[instance]{"instance-id": func(i *instance) []string { return one(i.ID) }})
		if err != nil {
			return err
		}
		for _, i := range some {
			if i.Credits == "" && len(in.InstanceIds) > 0 {
				return wire.Errorf(400, "InvalidInstanceID.NotBurstable", "The instance '%s' is not of a burstable type.", i.ID)
			}
			if i.Credits != "" {
				out.InstanceCreditSpecifications = append(out.InstanceCreditSpecifications, ec2api.InstanceCreditSpecification{InstanceId: new(i.ID), CpuCredits: new(i.Credits)})
			}
		}
		out.InstanceCreditSpecifications, out.NextToken, err = page(out.InstanceCreditSpecifications, in.MaxResults, in.NextToken)
		return err
	})
}

func (s *Service) describeIamInstanceProfileAssociations(ctx context.Context, in *ec2api.DescribeIamInstanceProfileAssociationsInput) (*ec2api.DescribeIamInstanceProfileAssociationsOutput, error) {
	out := &ec2api.DescribeIamInstanceProfileAssociationsOutput{}
	return out, s.view(ctx, func(t *tx) error {
		some, err := instances.find(t, nil, in.Filters, fields[instance]{
			"instance-id": func(i *instance) []string { return one(i.ID) },
			"state":       func(*instance) []string { return one("associated") },
		})
		if err != nil {
			return err
		}
		for _, i := range some {
			if i.Profile.Arn == nil || !i.alive() || len(in.AssociationIds) > 0 && !slices.Contains(in.AssociationIds, i.ProfileAssociation) {
				continue
			}
			out.IamInstanceProfileAssociations = append(out.IamInstanceProfileAssociations, ec2api.IamInstanceProfileAssociation{
				AssociationId: new(i.ProfileAssociation), InstanceId: new(i.ID), IamInstanceProfile: new(i.Profile), State: new("associated"),
			})
		}
		out.IamInstanceProfileAssociations, out.NextToken, err = page(out.IamInstanceProfileAssociations, in.MaxResults, in.NextToken)
		return err
	})
}
