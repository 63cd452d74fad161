// The build for Node would load worker threads, for what is not used here.
import { Deflate, deflateSync, Inflate } from 'fflate/browser';

/** Deflates and inflates. In Node `../node/lazy-fflate.ts` stands in for this module, by the name `#fflate`. */
export const fflate = () => ({ Deflate, deflateSync, Inflate });
