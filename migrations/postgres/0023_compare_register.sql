ALTER TABLE "register_entries" ADD COLUMN "guardian_lookup" text NOT NULL;--> statement-breakpoint
ALTER TABLE "register_entries" ADD COLUMN "name_mac" text NOT NULL;--> statement-breakpoint
ALTER TABLE "register_entries" ADD COLUMN "relation_mac" text NOT NULL;--> statement-breakpoint
ALTER TABLE "register_entries" DROP COLUMN "guardian_mac";--> statement-breakpoint
ALTER TABLE "register_entries" DROP CONSTRAINT "register_entries_pk";
--> statement-breakpoint
ALTER TABLE "register_entries" ADD CONSTRAINT "register_entries_pk" PRIMARY KEY("student_lookup","guardian_lookup");