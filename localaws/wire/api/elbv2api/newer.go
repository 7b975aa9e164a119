package elbv2api

import (
	"time"

	"grocery/localaws/wire"
)

// The operations below are younger than the models that gen reads. Their
// shapes follow the current API reference; gen leaves this file alone.

// DescribeListenerAttributes is the operation of that name.
var DescribeListenerAttributes = wire.Define[DescribeListenerAttributesInput, DescribeListenerAttributesOutput](wire.Operation{Service: &Service, Name: "DescribeListenerAttributes", ResultWrapper: "DescribeListenerAttributesResult"})

// ModifyListenerAttributes is the operation of that name.
var ModifyListenerAttributes = wire.Define[ModifyListenerAttributesInput, ModifyListenerAttributesOutput](wire.Operation{Service: &Service, Name: "ModifyListenerAttributes", ResultWrapper: "ModifyListenerAttributesResult"})

// DescribeCapacityReservation is the operation of that name.
var DescribeCapacityReservation = wire.Define[DescribeCapacityReservationInput, DescribeCapacityReservationOutput](wire.Operation{Service: &Service, Name: "DescribeCapacityReservation", ResultWrapper: "DescribeCapacityReservationResult"})

// DescribeListenerAttributesInput is the shape of that name in AWS's model.
type DescribeListenerAttributesInput struct {
	ListenerArn *string `name:"ListenerArn" req:"1"`
}

// DescribeListenerAttributesOutput is the shape of that name in AWS's model.
type DescribeListenerAttributesOutput struct {
	Attributes []ListenerAttribute `name:"Attributes"`
}

// ModifyListenerAttributesInput is the shape of that name in AWS's model.
type ModifyListenerAttributesInput struct {
	Attributes  []ListenerAttribute `name:"Attributes" req:"1"`
	ListenerArn *string             `name:"ListenerArn" req:"1"`
}

// ModifyListenerAttributesOutput is the shape of that name in AWS's model.
type ModifyListenerAttributesOutput struct {
	Attributes []ListenerAttribute `name:"Attributes"`
}

// ListenerAttribute is the shape of that name in AWS's model.
type ListenerAttribute struct {
	Key   *string `name:"Key"`
	Value *string `name:"Value"`
}

// DescribeCapacityReservationInput is the shape of that name in AWS's model.
type DescribeCapacityReservationInput struct {
	LoadBalancerArn *string `name:"LoadBalancerArn" req:"1"`
}

// DescribeCapacityReservationOutput is the shape of that name in AWS's model.
type DescribeCapacityReservationOutput struct {
	CapacityReservationState    []ZonalCapacityReservationState `name:"CapacityReservationState"`
	DecreaseRequestsRemaining   *int64                          `name:"DecreaseRequestsRemaining"`
	LastModifiedTime            *time.Time                      `name:"LastModifiedTime"`
	MinimumLoadBalancerCapacity *MinimumLoadBalancerCapacity    `name:"MinimumLoadBalancerCapacity"`
}

// ZonalCapacityReservationState is the shape of that name in AWS's model.
type ZonalCapacityReservationState struct {
	AvailabilityZone       *string                    `name:"AvailabilityZone"`
	EffectiveCapacityUnits *float64                   `name:"EffectiveCapacityUnits"`
	State                  *CapacityReservationStatus `name:"State"`
}

// CapacityReservationStatus is the shape of that name in AWS's model.
type CapacityReservationStatus struct {
	Code   *string `name:"Code"`
	Reason *string `name:"Reason"`
}

// MinimumLoadBalancerCapacity is the shape of that name in AWS's model.
type MinimumLoadBalancerCapacity struct {
	CapacityUnits *int64 `name:"CapacityUnits"`
}
