/**
 * The shop's rules as the page shows them. The backend decides; a contract test compares these with its constants.
 * Amounts are euro cents.
 */
export const DELIVERY_FEE = 500;
export const FREE_DELIVERY_FROM = 2000;
export const MAX_QUANTITY = 999;
export const ADULT_AGE = 18;
export const MIN_PASSWORD_LENGTH = 6;
export const MAX_USERNAME_LENGTH = 50;
export const MAX_COMMENT_LENGTH = 500;
export const MAX_QUERY_LENGTH = 100;
