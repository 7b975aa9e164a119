import { screen } from '@testing-library/react';
import type { UserEvent } from '@testing-library/user-event';

/** The button that puts the first of a product into the basket. */
export const add = (name: string) => screen.findByRole('button', { name: `Add ${name} to basket` });

/** The products that stand in the list, in their order. */
export const shown = () => screen.queryAllByRole('heading', { level: 3 }).map((h) => h.textContent);

/** Puts a text into a field, all at once. */
export async function fill(user: UserEvent, field: HTMLElement, text: string) {
  await user.click(field);
  await user.paste(text);
}

export async function signIn(user: UserEvent, password = 'secret1') {
  await fill(user, await screen.findByLabelText('Email'), 'anna@example.com');
  await fill(user, screen.getByLabelText('Password'), password);
  await user.click(screen.getByRole('button', { name: 'Sign in' }));
}

/** From the address to the last look, paid at the door or with a test card. */
export async function goToReview(user: UserEvent, card?: string) {
  await fill(user, await screen.findByLabelText('Name'), 'Anna Muster');
  await fill(user, screen.getByLabelText('Street and number'), 'Elbstr. 1');
  await fill(user, screen.getByLabelText('Postal code'), '20457');
  await fill(user, screen.getByLabelText('City'), 'Hamburg');
  await user.click(screen.getByRole('button', { name: 'Continue to payment' }));
  if (card) {
    await user.click(await screen.findByRole('radio', { name: /Card/ }));
    await user.click(screen.getByRole('radio', { name: card }));
  }
  await user.click(await screen.findByRole('button', { name: 'Continue to review' }));
}
