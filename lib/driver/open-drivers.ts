import type { Driver } from './driver.js';

/** In the order of opening. The kernel's own routines name no driver, so they look here. */
export const openDrivers = new Set<Driver>();
