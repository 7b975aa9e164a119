import { render, screen, within } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { useState } from 'react';
import { MemoryRouter } from 'react-router';
import { expect, it } from 'vitest';
import { Dialog } from './Dialog';
import { ToastProvider, useToast } from './Toasts';

function Page() {
  const [open, setOpen] = useState(true);
  const toast = useToast();
  return (
    <Dialog open={open} onClose={() => setOpen(false)} title="Basket">
      <button type="button" onClick={() => toast('Sold out')}>
        Add
      </button>
    </Dialog>
  );
}

it('a message stands inside the dialog that is open, and stays when it closes', async () => {
  const user = userEvent.setup({ delay: null });
  render(
    <MemoryRouter>
      <ToastProvider>
        <Page />
      </ToastProvider>
    </MemoryRouter>,
  );
  const dialog = screen.getByRole('dialog');
  await user.click(within(dialog).getByRole('button', { name: 'Add' }));
  expect(within(dialog).getByRole('status')).toHaveTextContent('Sold out');
  await user.click(within(dialog).getByRole('button', { name: 'Close' }));
  expect(screen.getByText('Sold out').closest('dialog')).toBeNull();
});
