import { useEffect, useRef, type FormEvent } from 'react';
import { Button } from '@/components/Button';
import { Field, SelectField, TextField } from '@/components/Field';
import { countryName } from '@/lib/countries';
import { text } from '@/lib/form';
import type { Address } from '@/lib/shop-types';
import { RULES } from '../address';
import styles from './checkout.module.css';

const COUNTRIES = ['AT', 'BE', 'DE', 'ES', 'FI', 'FR', 'IE', 'IT', 'LU', 'NL', 'PT'];

interface AddressFormProps {
  address: Partial<Address>;
  /** The field that the shop has refused. */
  wrong?: keyof Address;
  /** Something was typed; it need not be an address yet. */
  onType: (typed: Partial<Address>) => void;
  onDone: (address: Address) => void;
}

/** Where the goods go. */
export function AddressForm({ address, wrong, onType, onDone }: AddressFormProps) {
  const form = useRef<HTMLFormElement>(null);

  // A step that was led back to begins at what is wrong with it, after the page has put the focus to its own beginning.
  useEffect(() => {
    if (!wrong) return;
    const frame = requestAnimationFrame(() => form.current?.querySelector<HTMLElement>(`[name="${wrong}"]`)?.focus());
    return () => cancelAnimationFrame(frame);
  }, [wrong]);

  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const { phone, note, ...needed } = read(event.currentTarget);
    onDone({ ...needed, ...(phone && { phone }), ...(note && { note }) });
  };
  const about = (name: keyof Address) => ({ name, ...RULES[name], error: name === wrong ? RULES[name].title : undefined });
  const codes = address.country && !COUNTRIES.includes(address.country) ? [...COUNTRIES, address.country] : COUNTRIES;
  return (
    <form ref={form} className={styles.form} onSubmit={submit} onInput={(event) => onType(read(event.currentTarget))}>
      <Field label="Name" {...about('name')} autoComplete="name" defaultValue={address.name} required />
      <Field label="Street and number" {...about('street')} autoComplete="address-line1" defaultValue={address.street} required />
      <div className={styles.pair}>
        <Field label="Postal code" {...about('postal_code')} autoComplete="postal-code" defaultValue={address.postal_code} required />
        <Field label="City" {...about('city')} autoComplete="address-level2" defaultValue={address.city} required />
      </div>
      <SelectField label="Country" name="country" error={about('country').error} autoComplete="country" defaultValue={address.country ?? 'DE'}>
        {codes.map((code) => (
          <option key={code} value={code}>
            {countryName(code)}
          </option>
        ))}
      </SelectField>
      <Field label="Phone (optional)" {...about('phone')} type="tel" autoComplete="tel" defaultValue={address.phone} hint="Only for the driver, when the door cannot be found." />
      <TextField label="Note for the driver (optional)" name="note" error={about('note').error} defaultValue={address.note} maxLength={RULES.note.maxLength} rows={2} />
      <Button type="submit" wide>
        Continue to payment
      </Button>
    </form>
  );
}

function read(form: HTMLFormElement): Address {
  const data = new FormData(form);
  const of = (name: keyof Address) => text(data, name).trim();
  return { name: of('name'), street: of('street'), postal_code: of('postal_code'), city: of('city'), country: of('country'), phone: of('phone'), note: of('note') };
}
