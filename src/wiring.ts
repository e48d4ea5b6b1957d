/** Puts the package together: which rooms are loaded when a master or an address asks for them. Entry files import this. */
import { useDesk } from './master/desk.ts';

useDesk(async (host) => {
  const { JobDesk } = await import('./pools/desk.ts');
  return new JobDesk(host);
});
