/* `kinpass start` with a short poll interval for new keys, so that tests do not wait half a minute for each rotation. */
import { startService } from '../../src/cli/start.ts';

await startService({ keys: 100 });
