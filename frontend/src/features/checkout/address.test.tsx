import { render, screen } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { describe, expect, it, vi } from 'vitest';
import { fill } from '@/testing/acts';
import { ADDRESS } from '@/testing/shop-api';
import { addressField } from './address';
import { AddressForm } from './components/AddressForm';

const show = (change: object, onDone = vi.fn()) => {
  render(<AddressForm address={{ ...ADDRESS, ...change }} onType={() => undefined} onDone={onDone} />);
  return onDone;
};
const submit = () => userEvent.click(screen.getByRole('button', { name: 'Continue to payment' }));

describe('an address', () => {
  it.each([
    ['name', ' Anna '],
    ['postal_code', 'SW1A 2AA'],
    ['postal_code', '1000-205'],
    ['city', 'Sant Feliu de Guíxols'],
    ['phone', '+49 (40) 12-34/5.6'],
    ['phone', ''],
  ])('may have a %s like %j', async (name, value) => {
    const onDone = show({ [name]: value });
    await submit();
    expect(onDone).toHaveBeenCalledTimes(1);
  });

  it.each([
    ['name', '   '],
    ['street', 'Elbstr. \u202e1'],
    ['postal_code', '- -'],
    ['postal_code', '20457!'],
    ['phone', 'call me'],
    ['phone', '+'],
  ])('has no %s like %j, which is said at once', async (name, value) => {
    const onDone = show({ [name]: value });
    await submit();
    expect(onDone).not.toHaveBeenCalled();
    const field = document.querySelector<HTMLInputElement>(`[name="${name}"]`)!;
    expect(field.validity.patternMismatch).toBe(true);
    expect(field.title).not.toBe('');
  });

  it('is told while it is typed', async () => {
    const onType = vi.fn();
    render(<AddressForm address={{}} onType={onType} onDone={() => undefined} />);
    await fill(userEvent.setup(), screen.getByLabelText('City'), 'Kiel');
    expect(onType).toHaveBeenLastCalledWith(expect.objectContaining({ city: 'Kiel', street: '' }));
  });
});

it.each([
  ['address.phone', 'phone'],
  ['address.constructor', null],
  ['phone', null],
  [undefined, null],
])('a refusal about %j is one about the field %j', (field, name) => expect(addressField(field)).toBe(name));
