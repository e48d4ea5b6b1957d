// @ts-check
import 'gristmill';
