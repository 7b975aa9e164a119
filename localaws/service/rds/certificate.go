package rds

import (
	"context"
	"crypto/sha1"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"

	"grocery/localaws/service/internal/ptr"
	"grocery/localaws/wire"
	api "grocery/localaws/wire/api/rdsapi"
)

// authority is AWS's name for the authority of new instances; here it stands
// for the cloud's own.
const authority = "rds-ca-rsa2048-g1"

func checkAuthority(id string) error {
	if id != authority {
		return wire.Errorf(404, "CertificateNotFound", "The certificate authority %s does not exist: local AWS offers %s.", id, authority)
	}
	return nil
}

func (s *Service) describeCertificates(ctx context.Context, in *api.DescribeCertificatesInput) (*api.DescribeCertificatesOutput, error) {
	if err := checkAuthority(ptr.Or(in.CertificateIdentifier, authority)); err != nil {
		return nil, err
	}
	block, _ := pem.Decode(s.d.CA)
	if block == nil {
		return nil, errors.New("the cloud's certificate authority has no readable certificate")
	}
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return nil, err
	}
	sum := sha1.Sum(cert.Raw) // what AWS shows, not a protection
	return &api.DescribeCertificatesOutput{DefaultCertificateForNewLaunches: new(authority), Certificates: []api.Certificate{{
		CertificateIdentifier: new(authority), CertificateType: new("CA"), CertificateArn: new("arn:" + wire.Partition + ":rds:" + wire.CallFrom(ctx).Region + "::cert:" + authority),
		Thumbprint: new(hex.EncodeToString(sum[:])), ValidFrom: &cert.NotBefore, ValidTill: &cert.NotAfter, CustomerOverride: new(false),
	}}}, nil
}
