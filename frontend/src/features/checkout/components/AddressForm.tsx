import type { FormEvent } from 'react';
import { Button } from '@/components/Button';
import { Field, SelectField, TextField } from '@/components/Field';
import type { Address } from '@/lib/shop-types';
import styles from './checkout.module.css';

const COUNTRIES = ['AT', 'BE', 'DE', 'ES', 'FI', 'FR', 'IE', 'IT', 'LU', 'NL', 'PT'];
const country = new Intl.DisplayNames('en', { type: 'region' });
/** At least one character that can be seen. */
const SOMETHING = '.*\\S.*';

export function countryName(code: string): string {
  try {
    return country.of(code) ?? code;
  } catch {
    return code;
  }
}

/** Where the goods go. */
export function AddressForm({ address, onDone }: { address: Partial<Address>; onDone: (address: Address) => void }) {
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const data = new FormData(event.currentTarget);
    const text = (name: string) => {
      const value = data.get(name);
      return typeof value === 'string' ? value.trim() : '';
    };
    onDone({
      name: text('name'),
      street: text('street'),
      postal_code: text('postal_code'),
      city: text('city'),
      country: text('country'),
      ...(text('phone') && { phone: text('phone') }),
      ...(text('note') && { note: text('note') }),
    });
  };
  const codes = address.country && !COUNTRIES.includes(address.country) ? [...COUNTRIES, address.country] : COUNTRIES;
  return (
    <form className={styles.form} onSubmit={submit}>
      <Field label="Name" name="name" autoComplete="name" defaultValue={address.name} required pattern={SOMETHING} maxLength={100} />
      <Field label="Street and number" name="street" autoComplete="street-address" defaultValue={address.street} required pattern={SOMETHING} maxLength={200} />
      <div className={styles.pair}>
        <Field label="Postal code" name="postal_code" autoComplete="postal-code" defaultValue={address.postal_code} required pattern={SOMETHING} maxLength={12} />
        <Field label="City" name="city" autoComplete="address-level2" defaultValue={address.city} required pattern={SOMETHING} maxLength={100} />
      </div>
      <SelectField label="Country" name="country" autoComplete="country" defaultValue={address.country ?? 'DE'}>
        {codes.map((code) => (
          <option key={code} value={code}>
            {countryName(code)}
          </option>
        ))}
      </SelectField>
      <Field label="Phone (optional)" name="phone" type="tel" autoComplete="tel" defaultValue={address.phone} maxLength={30} hint="Only for the driver, when the door cannot be found." />
      <TextField label="Note for the driver (optional)" name="note" defaultValue={address.note} maxLength={500} rows={2} />
      <Button type="submit" wide>
        Continue to payment
      </Button>
    </form>
  );
}
