import { setupServer } from 'msw/node';

/** Answers the calls that a test has described with a ShopAPI; any other call fails the test. */
export const server = setupServer();
