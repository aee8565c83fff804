ALTER TABLE "guardianships" DROP COLUMN "state_reason";--> statement-breakpoint
ALTER TABLE "persons" DROP COLUMN "birth_date";