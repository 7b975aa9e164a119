package javanames_test

import (
	"testing"

	"grocery/localaws/service/states/internal/javanames"
)

func TestMembersAreNamedAsTheJavaSDKNamesThem(t *testing.T) {
	for model, want := range map[string]string{
		"DBInstanceIdentifier": "DbInstanceIdentifier", "DBInstances": "DbInstances", "VpcSecurityGroups": "VpcSecurityGroups", "ETag": "ETag", "CACertificateIdentifier": "CaCertificateIdentifier",
		"IAMDatabaseAuthenticationEnabled": "IamDatabaseAuthenticationEnabled", "ContentLength": "ContentLength", "VersionId": "VersionId", "SSEKMSKeyId": "SsekmsKeyId", "stateMachineArn": "StateMachineArn",
		"TargetGroupARNs": "TargetGroupARNs",
	} {
		if got := javanames.Member(model); got != want {
			t.Errorf("%s: %s, want %s", model, got, want)
		}
	}
}

func TestErrorsAreNamedAsTheJavaSDKNamesThem(t *testing.T) {
	for shape, want := range map[string]string{"DBInstanceNotFoundFault": "DbInstanceNotFoundException", "NoSuchKey": "NoSuchKeyException", "ResourceNotFoundException": "ResourceNotFoundException"} {
		if got := javanames.Exception(shape); got != want {
			t.Errorf("%s: %s, want %s", shape, got, want)
		}
	}
}
