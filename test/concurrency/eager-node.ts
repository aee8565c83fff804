/* `kinpass start`, but it looks for new keys many times a second, so that a test need not wait half a minute for each rotation. */
import { startService } from '../../src/cli/start.ts';

await startService({ keys: 100 });
