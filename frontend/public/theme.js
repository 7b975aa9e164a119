// Runs before the first paint, so that a chosen theme does not flash. No choice: the system's.
try {
  var theme = localStorage.getItem('grocery.theme');
  if (theme === 'light' || theme === 'dark') document.documentElement.style.colorScheme = theme;
} catch {
  // Storage is switched off: the system's theme it is.
}
