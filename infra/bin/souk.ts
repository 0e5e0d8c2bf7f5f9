// The app: `npx cdk synth`, `npx cdk deploy --all`. docs/deploy-aws.md explains.

import { App } from 'aws-cdk-lib';
import { buildShop } from '../src/app';

buildShop(new App());
