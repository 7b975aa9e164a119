import type { ReactNode } from 'react';
import { countryName } from '@/lib/countries';
import type { Address } from '@/lib/shop-types';

/** Where an order goes, as it is written on a parcel; children stand below. */
export function AddressLines({ address, children }: { address: Address; children?: ReactNode }) {
  return (
    <address>
      {address.name}
      <br />
      {address.street}
      <br />
      {address.postal_code} {address.city}, {countryName(address.country)}
      {children}
    </address>
  );
}
