/** Puts the package together: which rooms are loaded when a master or an address asks for them. Entry files import this. */
import { useDesk } from './master/desk.ts';
import { checkEngine } from './pools/check.ts';
import { useEngines } from './transport/engines.ts';

useDesk(async (host) => {
  const { JobDesk } = await import('./pools/desk.ts');
  return new JobDesk(host);
});

useEngines({
  check: checkEngine,
  open: async (engine, address, logger) => {
    const { openWay } = await import('./pools/way.ts');
    return await openWay(engine, address, logger);
  },
});
